/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - a host name to one numeric address, by getaddrinfo. Blocks for as long as the system's
 * resolver does (its own time-outs): never call it on the loop's thread. Literals are answered at
 * once without a look-up.
 */
#pragma once

#include "base/error.h"

#define ADDRESS_SIZE 64

/* The numeric form of one address of `host` (no brackets): the attempt-th, counted round, so that
 * a repeated try meets another address. ERROR_TRANSIENT when the name can't be resolved now. */
int address_resolve(const char *host, unsigned attempt, char ret_address[ADDRESS_SIZE],
                    struct error *err);

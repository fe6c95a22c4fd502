/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bug - what cannot happen, whatever comes from outside. Said so, and looked at: where it happens
 * all the same the program is wrong, and ends with one line on stderr rather than go on. All state
 * is remote, so a restart is the recovery.
 */
#pragma once

/* `why` is a sentence that says what must hold:
 * CANNOT_HAPPEN(!entry, "a key that nobody wants is there because the mirror has it"). */
#define CANNOT_HAPPEN(wrong, why) ((wrong) ? bug_found(__FILE__, __LINE__, why) : (void)0)

_Noreturn void bug_found(const char *file, int line, const char *why);

/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/address.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

static void free_addresses(struct addrinfo **list)
{
    if (*list != NULL)
        freeaddrinfo(*list);
}

static unsigned count_addresses(const struct addrinfo *list)
{
    unsigned count = 0;
    for (; list != NULL; list = list->ai_next)
        count++;
    return count;
}

int address_resolve(const char *host, unsigned attempt, char ret_address[ADDRESS_SIZE],
                    struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    CLEANUP(free_addresses) struct addrinfo *list = NULL;
    int failure = getaddrinfo(host, NULL, &hints, &list);
    if (failure != 0)
        return error_set(err, ERROR_TRANSIENT, "cannot resolve %.200s: %s", host,
                         gai_strerror(failure));
    unsigned count = count_addresses(list);
    if (count == 0)
        return error_set(err, ERROR_TRANSIENT, "%.200s has no address", host);
    const struct addrinfo *address = list;
    for (unsigned skip = attempt % count; skip > 0; skip--)
        address = address->ai_next;
    char text[ADDRESS_SIZE];
    failure = getnameinfo(address->ai_addr, address->ai_addrlen, text, sizeof text, NULL, 0,
                          NI_NUMERICHOST);
    if (failure != 0)
        return error_set(err, ERROR_TRANSIENT, "cannot write the address of %.200s: %s", host,
                         gai_strerror(failure));
    memcpy(ret_address, text, sizeof text);
    return 0;
}

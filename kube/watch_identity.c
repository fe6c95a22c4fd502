/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_identity.h"

#include <string.h>

#include "base/mem.h"
#include "kube/watch.h"

static void identity_free(struct watch_identity *identity)
{
    mem_free(identity->cert_pem);
    mem_free(identity);
}

/* Makes one, the newest. */
static struct watch_identity *add(struct watch_identities *list, const char *cert_pem,
                                  const char *key_pem, struct error *err)
{
    struct watch_server_settings settings = list->settings;
    settings.cert_pem = cert_pem;
    settings.key_pem = key_pem;
    struct watch_server *server = watch_server_new(list->loop, &settings, err);
    if (server == NULL)
        return NULL;
    struct watch_identity *identity = mem_alloc(sizeof *identity);
    *identity = (struct watch_identity){
        .next = list->first, .server = server, .cert_pem = mem_strdup(cert_pem)};
    list->first = identity;
    return identity;
}

static void free_unused(struct watch_identities *list)
{
    struct watch_identity **place = &list->first->next;
    while (*place != NULL) {
        struct watch_identity *identity = *place;
        if (identity->watches > 0) {
            place = &identity->next;
            continue;
        }
        *place = identity->next;
        watch_server_free(identity->server);
        identity_free(identity);
    }
}

int watch_identities_init(struct watch_identities *list, struct loop *loop,
                          const struct watch_server_settings *settings, struct error *err)
{
    list->loop = loop;
    list->settings = *settings;
    list->first = NULL;
    if (add(list, settings->cert_pem, settings->key_pem, err) == NULL)
        return -1;
    pthread_mutex_init(&list->lock, NULL);
    return 0;
}

struct watch_identity *watch_identities_hold(struct watch_identities *list, const char *cert_pem,
                                             const char *key_pem, struct error *err)
{
    pthread_mutex_lock(&list->lock);
    struct watch_identity *identity = list->first;
    free_unused(list);
    if (strcmp(identity->cert_pem, cert_pem) != 0)
        identity = add(list, cert_pem, key_pem, err);
    if (identity != NULL)
        identity->watches++;
    pthread_mutex_unlock(&list->lock);
    return identity;
}

void watch_identities_drop(struct watch_identities *list, struct watch_identity *identity)
{
    if (identity == NULL)
        return;
    pthread_mutex_lock(&list->lock);
    identity->watches--;
    pthread_mutex_unlock(&list->lock);
}

/* A watch that closes now takes the lock. */
void watch_identities_finish(struct watch_identities *list)
{
    if (list->first == NULL)
        return;
    for (struct watch_identity *next, *identity = list->first; identity != NULL; identity = next) {
        next = identity->next;
        watch_finish(identity->server);
        identity_free(identity);
    }
    list->first = NULL;
    pthread_mutex_destroy(&list->lock);
}

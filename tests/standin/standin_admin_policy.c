/* SPDX-License-Identifier: Apache-2.0 */
/* Policies by hand, and which actions were asked for. */
#include "base/mem.h"
#include "tests/standin/standin_admin.h"

/* How often each action was allowed, or denied. */
static void write_actions(struct standin_hand *hand, const char *name, bool allowed)
{
    const struct standin_permits *permits = &hand->standin->permits;

    standin_open(&hand->writer, name, '{');
    for (size_t i = 0; i < permits->action_count; i++) {
        const struct standin_action *action = &permits->actions[i];
        uint64_t times = allowed ? action->allowed : action->denied;

        if (times > 0)
            standin_whole(&hand->writer, action->name, (int64_t)times);
    }
    standin_close(&hand->writer, '}');
}

int standin_get_policy(struct standin_hand *hand)
{
    standin_open(&hand->writer, NULL, '{');
    write_actions(hand, "allowed", true);
    write_actions(hand, "denied", false);
    standin_close(&hand->writer, '}');
    return 0;
}

static int put(struct standin_hand *hand, const json_t *policy)
{
    const char *key_id = hand->url.segment_count == 3 ? hand->url.segments[2] : "";
    struct error problem = {0};

    if (standin_permits_put(&hand->standin->permits, key_id, policy, &problem) < 0)
        return standin_hand_refuse(hand, 400, "%s", problem.text);
    return 0;
}

int standin_put_policy(struct standin_hand *hand)
{
    if (!hand->body)
        return standin_hand_refuse(hand, 400, "Expected a policy document");
    return put(hand, hand->body);
}

int standin_delete_policy(struct standin_hand *hand)
{
    return put(hand, NULL);
}

int standin_delete_actions(struct standin_hand *hand)
{
    hand->standin->permits.action_count = 0;
    return 0;
}

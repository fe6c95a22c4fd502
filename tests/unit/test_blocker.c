/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of what stands in the way, and of what a person can do about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "reconcile/blocker.h"
#include "tests/unit/scene.h"

#define ADOPT_SAME ", or set adoption: SameAccess and podbind takes it over"
#define ADOPT_ALWAYS ", or set adoption: Always and podbind takes it over and changes it"

static void says_taken(const struct association *there, const char *remembered,
                       const char *expected)
{
    CLEANUP(strbuf_release) struct strbuf message = {0};
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("reader");

    scene_init(&scene);
    binding.status.associations = remembered;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    blocker_say_taken(&message, &scene.desired.wants[0], there);
    assert_string_equal(strbuf_text(&message), expected);
}

static struct association foreign(const char *tags)
{
    struct association association = scene_association("app-sa", "uid-another");

    association.tags = tags;
    return association;
}

static void an_add_ons_is_never_taken_over(void **state)
{
    struct association there = foreign(TAG_OWNER "\tanother/podbind\n");

    (void)state;
    there.owner_arn = "arn:aws:eks:us-west-2:111122223333:addon/blue/x/1";
    says_taken(&there, "",
               "association a-app-sa (role " SCENE_ROLE ") stands there already, owned by the EKS "
               "add-on arn:aws:eks:us-west-2:111122223333:addon/blue/x/1: podbind never touches "
               "it; delete this binding, or take the association out of the add-on's "
               "configuration");
}

static void another_podbind_is_named(void **state)
{
    struct association there = foreign(TAG_OWNER "\tanother/podbind\n");
    char owner[300], tags[400], expected[1000];

    (void)state;
    says_taken(&there, "",
               "association a-app-sa (role " SCENE_ROLE ") stands there already, made by another "
               "podbind (another/podbind): delete one of the two bindings" ADOPT_SAME);
    memset(owner, 'x', sizeof owner - 1);
    owner[sizeof owner - 1] = '\0';
    snprintf(tags, sizeof tags, TAG_OWNER "\t%s\n", owner);
    there.tags = tags;
    there.access.role_arn = SCENE_OTHER_ROLE;
    owner[200] = '\0';
    snprintf(expected, sizeof expected,
             "association a-app-sa (role " SCENE_OTHER_ROLE ") stands there already, made by "
             "another podbind (%s): delete one of the two bindings" ADOPT_ALWAYS,
             owner);
    says_taken(&there, "", expected);
}

static void what_was_this_bindings_is_told_apart(void **state)
{
    struct association there = foreign("team\ta\n");

    (void)state;
    says_taken(&there, "app-sa\ta-app-sa\n",
               "association a-app-sa (role " SCENE_ROLE ") stands there already, and was this "
               "binding's: its tag " TAG_OWNER " was taken away. Put it back, or delete the "
               "association" ADOPT_SAME);
    says_taken(&there, "app-sa\ta-before\n",
               "association a-app-sa (role " SCENE_ROLE ") stands there already, not made by "
               "podbind (it has the tags team=a): delete it where it was made" ADOPT_SAME);
}

static void three_tags_that_are_short_tell_who_made_it(void **state)
{
    char tags[600] = "", value[120];
    struct association there = foreign(tags);

    (void)state;
    memset(value, 'v', sizeof value);
    snprintf(tags, sizeof tags, "a\t1\nb\t%.100s\nc\t%.99s\nd\t4\ne\t5\n", value, value);
    {
        char expected[1000];

        snprintf(expected, sizeof expected,
                 "association a-app-sa (role " SCENE_ROLE ") stands there already, not made by "
                 "podbind (it has the tags a=1, c=%.99s, d=4): delete it where it was "
                 "made" ADOPT_SAME,
                 value);
        says_taken(&there, "", expected);
    }
    tags[0] = '\0';
    says_taken(
        &there, "",
        "association a-app-sa (role " SCENE_ROLE ") stands there already, not made by "
        "podbind (it has no tag that tells by whom): delete it where it was made" ADOPT_SAME);
}

static void an_older_binding_is_named_with_what_it_has(void **state)
{
    CLEANUP(strbuf_release) struct strbuf without = {0}, with = {0}, empty = {0};
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("older");
    struct association association = scene_association("app-sa", "uid-older");
    struct mirror_entry *entry, none = {0};

    (void)state;
    scene_init(&scene);
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    entry = scene_add_association(&scene, &association);
    blocker_say_holder(&without, scene_claim(&scene, "older"), NULL);
    assert_string_equal(strbuf_text(&without),
                        "held by the older binding 'older' (role " SCENE_ROLE "): delete one of "
                        "the two, or take the service account out of one");
    blocker_say_holder(&empty, scene_claim(&scene, "older"), &none);
    assert_string_equal(strbuf_text(&empty), strbuf_text(&without));
    blocker_say_holder(&with, scene_claim(&scene, "older"), entry);
    assert_string_equal(
        strbuf_text(&with),
        "held by the older binding 'older' with association a-app-sa (role " SCENE_ROLE
        "): delete one of the two, or take the service account out of "
        "one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_add_ons_is_never_taken_over),
        cmocka_unit_test(another_podbind_is_named),
        cmocka_unit_test(what_was_this_bindings_is_told_apart),
        cmocka_unit_test(three_tags_that_are_short_tell_who_made_it),
        cmocka_unit_test(an_older_binding_is_named_with_what_it_has),
    };

    return cmocka_run_group_tests_name("blocker", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_case - the text form of the plan's cases (tests/cases/plan/<case>/): `given` and `plan`.
 *
 * given, a line each, in any order; # begins a comment. Words in [] may be left out; name=value
 * words come in any order; +word sets a flag.
 *   context     [now=1000000] [grace=300000] [mode=sync|no-delete|observe] +cluster-deleting
 *   account     app/app-sa [label=tier=web]...
 *   binding     app/reader [account=app-sa | select=tier=web]... [role=reader] [target=ARN]
 *               [policy=JSON] [tag=k=v]... [adoption=Never|SameAccess|Always] [created=0] [uid=...]
 *               [generation=1] +deleting +no-finalizer +suspend +retain +no-session-tags +invalid
 *               +held +abandon
 *   association app/app-sa [for=reader] [uid=...] [owner=ours|other|none] [role=reader]
 *               [target=ARN] [policy=JSON] [tag=k=v]... [add-on=ARN] [deleted=ms] [absent=ms]
 *               [retry=ms] [failed-generation=1] [contested=ms] +retain +listed-only +look +no-session-tags
 *   maybe       app/app-sa at=ms
 * +listed-only: it came from a List and was not described. maybe: a Create of unknown outcome.
 *
 * plan, a line for each step, in key order:
 *   app/app-sa CHANGE role tags for reader: now
 * the verb; for CHANGE what differs; for a Delete why; whose step it is; and when it may happen:
 * now, "at <ms>", "blocked" (due, but held or to be looked at first), or "-" for nothing to do.
 * Then "orphans 1" and "unknown in app, web" where there are any.
 */
#pragma once

#include "base/strbuf.h"
#include "tests/unit/scene.h"

/* Reads `given` into a scene; ends the test at a line that is not understood. */
void plan_case_read(const char *given, struct scene *ret_scene);
/* The scene's plan as text. */
void plan_case_write(const struct scene *scene, struct strbuf *ret_text);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_condition - one condition of a trust policy: does it hold for a subject, and in words. A
 * part of reconcile/trust, which says what is known of a subject. Pure.
 *
 * A key that is absent: ForAllValues holds, ForAnyValue does not, ...IfExists holds, a negated
 * operator holds, another does not. ForAnyValue with IfExists: AWS says the one and the other. A key that is there has one value, so the
 * quantifiers change nothing: the values of the condition are joined by "or", and by "neither,
 * nor" when it is negated.
 */
#pragma once

#include "reconcile/trust.h"

/* In this order: the least of several is what they are together. */
enum trust_truth { TRUST_NO, TRUST_MAYBE, TRUST_YES };

enum trust_truth trust_condition_holds(const struct trust_condition *condition,
                                       const struct trust_subject *subject, bool variables);

/* What it wants and what is, whether that fits or not: "aws:SourceArn arn:a or arn:b, and this
 * cluster is arn:c". For what is known. */
void trust_condition_say(const struct trust_condition *condition,
                         const struct trust_subject *subject, struct strbuf *text);

/* Why nobody can tell: "aws:SourceOrgId, which podbind does not know". For TRUST_MAYBE. */
void trust_condition_say_doubt(const struct trust_condition *condition,
                               const struct trust_subject *subject, struct strbuf *text);

/* `*` is any number of characters, `?` is one. */
bool trust_condition_like(const char *pattern, const char *text, bool ignore_case);

/* Adds at most 200 bytes of a text from outside, with '?' for all but printable ASCII. */
void trust_condition_show(struct strbuf *text, const char *shown);
/* "a", "a or b", "a, b or 3 more". */
void trust_condition_show_all(struct strbuf *text, const struct trust_texts *shown);

/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/arn.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define SHOWN 80 /* bytes of a text at fault that an error shows */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

static int refuse(struct error *err, const char *text, const char *expected)
{
    int shown = (int)utf8_cut(text, strnlen(text, SHOWN + 4) > SHOWN ? SHOWN : strlen(text));

    return error_set(err, ERROR_INVALID, "\"%.*s%s\" is not %s", shown, text,
                     text[shown] ? "..." : "", expected);
}

/* A stretch of the text that is being read. */
struct piece {
    const char *start;
    size_t length;
};

static bool piece_is(struct piece piece, const char *text)
{
    return piece.length == strlen(text) && memcmp(piece.start, text, piece.length) == 0;
}

static bool piece_copy(struct piece piece, char *ret_text, size_t size)
{
    if (piece.length >= size)
        return false;
    memcpy(ret_text, piece.start, piece.length);
    ret_text[piece.length] = '\0';
    return true;
}

/* ---- words joined by hyphens ---- */

/* Length of "[a-z]+(-[a-z]+)*" at the start of the piece. */
static size_t words_length(struct piece piece)
{
    size_t at = 0, end = 0;

    while (at < piece.length && is_lower(piece.start[at])) {
        while (at < piece.length && is_lower(piece.start[at]))
            at++;
        end = at;
        if (at < piece.length && piece.start[at] == '-')
            at++;
    }
    return end;
}

static bool is_region(struct piece piece)
{
    size_t words = words_length(piece);

    if (!memchr(piece.start, '-', words) || piece.length < words + 2 || piece.length > words + 3 ||
        piece.start[words] != '-')
        return false;
    for (size_t i = words + 1; i < piece.length; i++)
        if (!is_digit(piece.start[i]))
            return false;
    return true;
}

static bool read_region(struct piece piece, struct arn_region *ret_region)
{
    return is_region(piece) && piece_copy(piece, ret_region->text, sizeof ret_region->text);
}

int arn_region_parse(const char *text, struct arn_region *ret_region, struct error *err)
{
    size_t length = strlen(text);

    if (read_region((struct piece){text, length}, ret_region))
        return 0;
    if (length > 1 && is_lower(text[length - 1]) && is_region((struct piece){text, length - 1}))
        return refuse(err, text,
                      "an AWS region: it looks like an availability zone; leave out "
                      "the letter at its end");
    return refuse(err, text, "an AWS region such as us-west-2");
}

static bool read_partition(struct piece piece, char ret_partition[ARN_PARTITION_SIZE])
{
    return piece.length >= 3 && memcmp(piece.start, "aws", 3) == 0 &&
           (piece.length == 3 || piece.start[3] == '-') && words_length(piece) == piece.length &&
           piece_copy(piece, ret_partition, ARN_PARTITION_SIZE);
}

static bool read_account(struct piece piece, char ret_account[ARN_ACCOUNT_SIZE])
{
    for (size_t i = 0; i < piece.length; i++)
        if (!is_digit(piece.start[i]))
            return false;
    return piece.length == 12 && piece_copy(piece, ret_account, ARN_ACCOUNT_SIZE);
}

/* ---- names ---- */

static bool read_cluster_name(struct piece piece, struct arn_cluster_name *ret_name)
{
    for (size_t i = 0; i < piece.length; i++) {
        char c = piece.start[i];

        if (!is_word(c) && (i == 0 || (c != '-' && c != '_')))
            return false;
    }
    return piece.length > 0 && piece_copy(piece, ret_name->text, sizeof ret_name->text);
}

int arn_cluster_name_parse(const char *text, struct arn_cluster_name *ret_name, struct error *err)
{
    if (read_cluster_name((struct piece){text, strlen(text)}, ret_name))
        return 0;
    return refuse(err, text,
                  "an EKS cluster name: 1 to 100 letters, digits, '-' and '_', the first a letter "
                  "or digit");
}

static bool read_association_id(struct piece piece, struct arn_association_id *ret_id)
{
    if (piece.length != ARN_ASSOCIATION_ID_SIZE - 1 || memcmp(piece.start, "a-", 2) != 0)
        return false;
    for (size_t i = 2; i < piece.length; i++)
        if (!is_lower(piece.start[i]) && !is_digit(piece.start[i]))
            return false;
    return piece_copy(piece, ret_id->text, sizeof ret_id->text);
}

int arn_association_id_parse(const char *text, struct arn_association_id *ret_id, struct error *err)
{
    if (read_association_id((struct piece){text, strlen(text)}, ret_id))
        return 0;
    return refuse(err, text, "an association id: \"a-\" and 17 lower-case letters and digits");
}

bool arn_association_id_find(const char *text, struct arn_association_id *ret_id)
{
    for (const char *at = text; (at = strstr(at, "a-")); at += 2) {
        size_t length = 2;

        while (is_word(at[length]) || at[length] == '-')
            length++;
        if ((at == text || !(is_word(at[-1]) || at[-1] == '-')) &&
            read_association_id((struct piece){at, length}, ret_id))
            return true;
    }
    return false;
}

/* What may stand between the slashes of a role's path: printable ASCII but wildcards. */
static bool is_path_char(char c)
{
    return c > ' ' && c < 0x7F && c != '*' && c != '?' && c != '/';
}

static bool is_role_name(struct piece piece)
{
    for (size_t i = 0; i < piece.length; i++)
        if (!is_word(piece.start[i]) && !memchr("_+=,.@-", piece.start[i], 7))
            return false;
    return piece.length > 0;
}

static bool is_role_path(struct piece piece)
{
    for (size_t i = 0; i < piece.length; i++) {
        char c = piece.start[i];

        if (c == '/' ? i == 0 || piece.start[i - 1] == '/' : !is_path_char(c))
            return false;
    }
    return true;
}

static bool read_role_name(struct piece piece, struct arn_role_name *ret_name)
{
    const char *slash = memrchr(piece.start, '/', piece.length);
    struct piece path = {piece.start, slash ? (size_t)(slash + 1 - piece.start) : 0};
    struct piece name = {piece.start + path.length, piece.length - path.length};
    struct arn_role_name role = {.path = "/"};

    if (!is_role_name(name) || !is_role_path(path) ||
        !piece_copy(path, role.path + 1, sizeof role.path - 1) ||
        !piece_copy(name, role.name, sizeof role.name))
        return false;
    *ret_name = role;
    return true;
}

int arn_role_name_parse(const char *text, struct arn_role_name *ret_name, struct error *err)
{
    if (read_role_name((struct piece){text, strlen(text)}, ret_name))
        return 0;
    return refuse(err, text,
                  "a role name such as reader or team/a/reader: a name of at most 64 letters, "
                  "digits and _+=,.@- after an optional path, no wildcards");
}

/* ---- ARNs ---- */

enum { ARN_PREFIX, ARN_PARTITION, ARN_SERVICE, ARN_REGION, ARN_ACCOUNT, ARN_RESOURCE, ARN_PIECES };

/* Cuts at the first five colons; the resource may hold more. */
static bool split(const char *text, struct piece ret_pieces[ARN_PIECES])
{
    for (int i = 0; i < ARN_RESOURCE; i++) {
        const char *colon = strchr(text, ':');

        if (!colon)
            return false;
        ret_pieces[i] = (struct piece){text, (size_t)(colon - text)};
        text = colon + 1;
    }
    ret_pieces[ARN_RESOURCE] = (struct piece){text, strlen(text)};
    return piece_is(ret_pieces[ARN_PREFIX], "arn");
}

/* Takes a fixed word off the front. */
static bool skip(struct piece *piece, const char *word)
{
    size_t length = strlen(word);

    if (piece->length < length || memcmp(piece->start, word, length) != 0)
        return false;
    *piece = (struct piece){piece->start + length, piece->length - length};
    return true;
}

int arn_role_parse(const char *text, struct arn_role *ret_role, struct error *err)
{
    struct piece pieces[ARN_PIECES];
    struct arn_role role = {0};

    if (!split(text, pieces) || !piece_is(pieces[ARN_SERVICE], "iam") ||
        !piece_is(pieces[ARN_REGION], "") || !skip(&pieces[ARN_RESOURCE], "role/") ||
        !read_partition(pieces[ARN_PARTITION], role.partition) ||
        !read_account(pieces[ARN_ACCOUNT], role.account) ||
        !read_role_name(pieces[ARN_RESOURCE], &role.role) ||
        !piece_copy((struct piece){text, strlen(text)}, role.text, sizeof role.text))
        return refuse(
            err, text,
            "a role ARN such as arn:aws:iam::111122223333:role/reader, without wildcards");
    *ret_role = role;
    return 0;
}

int arn_role_make(const char *partition, const char *account, const char *role_name,
                  struct arn_role *ret_role, struct error *err)
{
    struct arn_role_name name;
    char text[ARN_SIZE];

    if (arn_role_name_parse(role_name, &name, err) < 0)
        return -1;
    int length = snprintf(text, sizeof text, "arn:%s:iam::%s:role%s%s", partition, account,
                          name.path, name.name);
    if (length >= (int)sizeof text)
        return refuse(err, partition, "an AWS partition such as aws");
    return arn_role_parse(text, ret_role, err);
}

int arn_cluster_parse(const char *text, struct arn_cluster *ret_cluster, struct error *err)
{
    struct piece pieces[ARN_PIECES];
    struct arn_cluster cluster = {0};

    if (!split(text, pieces) || !piece_is(pieces[ARN_SERVICE], "eks") ||
        !skip(&pieces[ARN_RESOURCE], "cluster/") ||
        !read_partition(pieces[ARN_PARTITION], cluster.partition) ||
        !read_region(pieces[ARN_REGION], &cluster.region) ||
        !read_account(pieces[ARN_ACCOUNT], cluster.account) ||
        !read_cluster_name(pieces[ARN_RESOURCE], &cluster.name) ||
        !piece_copy((struct piece){text, strlen(text)}, cluster.text, sizeof cluster.text))
        return refuse(err, text,
                      "a cluster ARN such as arn:aws:eks:us-west-2:111122223333:cluster/prod");
    *ret_cluster = cluster;
    return 0;
}

/* "<cluster>/<id>" */
static bool read_association(struct piece piece, struct arn_association *association)
{
    const char *slash = memchr(piece.start, '/', piece.length);

    if (!slash)
        return false;
    struct piece cluster = {piece.start, (size_t)(slash - piece.start)};
    struct piece id = {slash + 1, piece.length - cluster.length - 1};
    return read_cluster_name(cluster, &association->cluster) &&
           read_association_id(id, &association->id);
}

int arn_association_parse(const char *text, struct arn_association *ret_association,
                          struct error *err)
{
    struct piece pieces[ARN_PIECES];
    struct arn_association found = {0};

    if (!split(text, pieces) || !piece_is(pieces[ARN_SERVICE], "eks") ||
        !skip(&pieces[ARN_RESOURCE], "podidentityassociation/") ||
        !read_partition(pieces[ARN_PARTITION], found.partition) ||
        !read_region(pieces[ARN_REGION], &found.region) ||
        !read_account(pieces[ARN_ACCOUNT], found.account) ||
        !read_association(pieces[ARN_RESOURCE], &found) ||
        !piece_copy((struct piece){text, strlen(text)}, found.text, sizeof found.text))
        return refuse(err, text,
                      "an association ARN such as arn:aws:eks:us-west-2:111122223333:"
                      "podidentityassociation/prod/a-abcdefghijklmnop1");
    *ret_association = found;
    return 0;
}

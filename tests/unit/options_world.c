/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/options_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

#define MAX 16

static const char *const *variables;

static const char *variable(const char *name)
{
    for (const char *const *at = variables; at && at[0]; at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return NULL;
}

const char *const enough[] = {"PODBIND_CLUSTER_NAME",    "eks-blue", "AWS_REGION", "us-west-2",
                              "KUBERNETES_SERVICE_HOST", "10.0.0.1", NULL};

static int count_arguments(const char *const *arguments)
{
    int count = 0;

    while (arguments[count])
        count++;
    return count;
}

struct options_source make_source(const char *const *environment, const char *root)
{
    variables = environment;
    return (struct options_source){0, NULL, variable, root};
}

int read_them(const char *const *arguments, const char *const *environment,
              struct options *ret_options, struct error *err)
{
    char *argv[MAX];
    struct options_source source = make_source(environment, "/nowhere");

    source.argc = count_arguments(arguments);
    source.argv = argv;
    for (int i = 0; i < source.argc; i++)
        argv[i] = mem_strdup(arguments[i]);
    int result = options_read(&source, ret_options, err);
    for (int i = 0; i < source.argc; i++)
        mem_free(argv[i]);
    return result;
}

struct options read_good(const char *const *arguments, const char *const *environment)
{
    struct options options = {0};
    struct error err = {0};

    if (read_them(arguments, environment, &options, &err) < 0)
        fail_msg("%s", err.text);
    return options;
}

void write_file(char ret_path[32], const char *content)
{
    snprintf(ret_path, 32, "/tmp/podbind-test.XXXXXX");
    int file = mkstemp(ret_path);

    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), strlen(content));
    close(file);
}

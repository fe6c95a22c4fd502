/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: one row a subcommand. Exit codes: 0, 1 it failed, 2 it was called wrongly. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "controller/options.h"
#include "controller/run.h"

#define EXIT_OK 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

/* `argc` and `argv` are what follows the subcommand's name. */
struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static int print(const char *text)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILED : EXIT_OK;
}

static int take_no_arguments(const char *name, int argc, char **argv)
{
    if (argc == 0)
        return EXIT_OK;
    fprintf(stderr, "podbind: %s takes no arguments, not \"%.60s\"\n", name, argv[0]);
    return EXIT_USAGE;
}

static int controller(int argc, char **argv)
{
    CLEANUP(options_release) struct options options = {0};
    CLEANUP(strbuf_release) struct strbuf help = {0};
    struct options_source source = options_source(argc, argv);
    struct error err = {0};

    run_hold_signals(); /* reading may ask the instance for its region */
    if (options_read(&source, &options, &err) < 0) {
        fprintf(stderr, "podbind: %s\n", err.text);
        return EXIT_USAGE;
    }
    if (!options.help) {
        log_setup(options.log_level, options.log_format);
        return run_controller(&options);
    }
    options_help(&help);
    return print(strbuf_text(&help));
}

static int version(int argc, char **argv)
{
    int result = take_no_arguments("version", argc, argv);

    return result == EXIT_OK ? print("podbind " PODBIND_VERSION "\n") : result;
}

static int help(int argc, char **argv);

static const struct subcommand subcommands[] = {
    {"controller", controller, "run the operator: podbind controller --help lists its flags"},
    {"version", version, "print the version"},
    {"help", help, "print this"},
};
#define SUBCOMMAND_COUNT (sizeof subcommands / sizeof *subcommands)

static void print_usage(FILE *out)
{
    fputs("Usage: podbind <command>\n\n"
          "Keeps EKS Pod Identity associations equal to PodIdentityBinding objects.\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        fprintf(out, "  %-12s %s\n", subcommands[i].name, subcommands[i].help);
}

static int help(int argc, char **argv)
{
    int result = take_no_arguments("help", argc, argv);

    if (result != EXIT_OK)
        return result;
    print_usage(stdout);
    return print("");
}

/* --help, -h and --version are taken for the commands of that name. */
static const char *command_of(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return "help";
    return strcmp(word, "--version") == 0 ? "version" : word;
}

int main(int argc, char **argv)
{
    mem_adopt_libraries();
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
        if (strcmp(command_of(argv[1]), subcommands[i].name) == 0)
            return subcommands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "podbind: unknown command \"%.60s\"; podbind help lists the commands\n",
            argv[1]);
    return EXIT_USAGE;
}

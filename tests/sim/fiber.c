/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context enters its stack once; each switch after that is a jump, since swapcontext() asks the
 * kernel for the signal mask each time: a tenth of all a history costs.
 */
#undef _FORTIFY_SOURCE /* its longjmp() refuses to go to another stack */
#include "tests/sim/fiber.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_SIZE ((size_t)256 << 10) /* ASan clears the shadow of all of it at each switch */
#define GUARD_SIZE ((size_t)1 << 16)

struct fiber {
    ucontext_t start;
    jmp_buf own, caller;
    bool entered;
    char *memory; /* a guard, then the stack */
    void (*run)(void *context);
    void *context;
    bool runs;
    void *own_fake, *caller_fake; /* ASan's fake stacks */
    const void *caller_stack;
    size_t caller_size;
    struct fiber *owned_other; /* NULL: not asked for */
};

static char *stack_of(const struct fiber *fiber)
{
    return fiber->memory + GUARD_SIZE;
}

/* Before and after a switch to a stack. */
static void leave(void **fake, const void *stack, size_t size)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(fake, stack, size);
#else
    (void)fake, (void)stack, (void)size;
#endif
}

static void arrive(void *fake, const void **ret_stack, size_t *ret_size)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fake, ret_stack, ret_size);
#else
    (void)fake, (void)ret_stack, (void)ret_size;
#endif
}

struct fiber *fiber_new(void)
{
    struct fiber *fiber = mem_alloc(sizeof *fiber);
    void *memory = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory, GUARD_SIZE, PROT_NONE) < 0) {
        perror("podbind-sim: a stack");
        abort();
    }
    fiber->memory = memory;
    return fiber;
}

struct fiber *fiber_other(struct fiber *fiber)
{
    if (!fiber->owned_other)
        fiber->owned_other = fiber_new();
    return fiber->owned_other;
}

void fiber_free(struct fiber *fiber)
{
    if (fiber->owned_other)
        fiber_free(fiber->owned_other);
    munmap(fiber->memory, GUARD_SIZE + STACK_SIZE);
    mem_free(fiber);
}

/* makecontext() hands over ints only: two halves of a pointer. */
static void enter(unsigned high, unsigned low)
{
    struct fiber *fiber = (struct fiber *)((uintptr_t)high << 32 | (uintptr_t)low);

    arrive(NULL, &fiber->caller_stack, &fiber->caller_size);
    fiber->run(fiber->context);
    fiber->runs = false;
    leave(NULL, fiber->caller_stack, fiber->caller_size);
    _longjmp(fiber->caller, 1);
}

void fiber_start(struct fiber *fiber, void (*run)(void *context), void *context)
{
    uintptr_t self = (uintptr_t)fiber;

#ifdef FIBER_ASAN
    ASAN_UNPOISON_MEMORY_REGION(stack_of(fiber), STACK_SIZE);
#endif
    getcontext(&fiber->start);
    fiber->start.uc_stack.ss_sp = stack_of(fiber);
    fiber->start.uc_stack.ss_size = STACK_SIZE;
    fiber->start.uc_link = NULL;
    fiber->entered = false;
    fiber->own_fake = NULL;
    fiber->run = run;
    fiber->context = context;
    fiber->runs = true;
    makecontext(&fiber->start, (void (*)(void))enter, 2, (unsigned)(self >> 32), (unsigned)self);
}

void fiber_resume(struct fiber *fiber)
{
    leave(&fiber->caller_fake, stack_of(fiber), STACK_SIZE);
    if (_setjmp(fiber->caller) == 0) {
        if (fiber->entered)
            _longjmp(fiber->own, 1);
        fiber->entered = true;
        setcontext(&fiber->start);
    }
    arrive(fiber->caller_fake, NULL, NULL);
}

void fiber_yield(struct fiber *fiber)
{
    leave(&fiber->own_fake, fiber->caller_stack, fiber->caller_size);
    if (_setjmp(fiber->own) == 0)
        _longjmp(fiber->caller, 1);
    arrive(fiber->own_fake, &fiber->caller_stack, &fiber->caller_size);
}

bool fiber_runs(const struct fiber *fiber)
{
    return fiber->runs;
}

/* Faults of files, preloaded into a program: what a full or failing disk answers, at a call that is chosen.
 *
 * OUTRIDER_FAULT is "CALL FAULT FIRST". Calls on plain files are counted from 0; those before FIRST work.
 * CALL is one of
 *
 *     write    FAULT: an error; `short`, a write takes three bytes at most; `half`, the first takes half, and
 * there is no room for the others sync     fsync and fdatasync truncate ftruncate, and no room for what is
 * written after the FIRST write rename   all of them, by any system call create   opening files that may have
 * to be made, all of them
 *
 * The last two are refused by the kernel, so that calls are met that go around the C library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char faulty_call[16], fault[16];
static unsigned first;
static atomic_uint write_count, sync_count;

static int number_of(const char *name) {
    static const struct {
        const char *name;
        int number;
    } known[] = {{"EIO", EIO},       {"EACCES", EACCES}, {"ENOSPC", ENOSPC},
                 {"EDQUOT", EDQUOT}, {"EINTR", EINTR},   {"EXDEV", EXDEV}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].number;
        }
    }
    return ENOSPC;
}

#define STATEMENT(code, value)                                                                               \
    { (code), 0, 0, (value) }
#define JUMP_IF_NOT(value, steps)                                                                            \
    { BPF_JMP | BPF_JEQ | BPF_K, 0, (steps), (value) }

/* Has the kernel refuse renames, or opening with O_CREAT. */
static void refuse(int error) {
    const unsigned answer = SECCOMP_RET_ERRNO | (unsigned)error;
    struct sock_filter renames[] = {
        STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        JUMP_IF_NOT(SYS_renameat2, 1),
        STATEMENT(BPF_RET | BPF_K, answer),
#ifdef SYS_renameat
        JUMP_IF_NOT(SYS_renameat, 1),
        STATEMENT(BPF_RET | BPF_K, answer),
#endif
#ifdef SYS_rename
        JUMP_IF_NOT(SYS_rename, 1),
        STATEMENT(BPF_RET | BPF_K, answer),
#endif
        STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter creations[] = {
        STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        JUMP_IF_NOT(SYS_openat, 4),
        STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        STATEMENT(BPF_ALU | BPF_AND | BPF_K, O_CREAT),
        JUMP_IF_NOT(O_CREAT, 1),
        STATEMENT(BPF_RET | BPF_K, answer),
        STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog rename = {sizeof renames / sizeof renames[0], renames},
                            create = {sizeof creations / sizeof creations[0], creations};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, strcmp(faulty_call, "rename") == 0 ? &rename : &create) !=
            0) {
        abort();
    }
}

__attribute__((constructor)) static void begin(void) {
    const char *const text = getenv("OUTRIDER_FAULT");
    if (text != NULL && sscanf(text, "%15s %15s %u", faulty_call, fault, &first) != 3) {
        abort();
    }
    if (strcmp(faulty_call, "rename") == 0 || strcmp(faulty_call, "create") == 0) {
        refuse(number_of(fault));
    }
}

static int is_plain(int descriptor) {
    struct stat found;
    return fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
}

static int fail(int error) {
    errno = error;
    return -1;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    const int is_write = strcmp(faulty_call, "write") == 0;
    if ((is_write || strcmp(faulty_call, "truncate") == 0) && is_plain(descriptor)) {
        const unsigned number = atomic_fetch_add(&write_count, 1);
        if (number >= first && strcmp(fault, "short") == 0) {
            count = count < 3 ? count : 3;
        } else if (number == first && (strcmp(fault, "half") == 0 || !is_write)) {
            count = (count + 1) / 2;
        } else if (number >= first && (number_of(fault) != EINTR || (number - first) % 2 == 0)) {
            return fail(number_of(fault));
        }
    }
    return syscall(SYS_write, descriptor, bytes, count);
}

static int sync_or_fail(long call, int descriptor) {
    if (strcmp(faulty_call, "sync") == 0 && is_plain(descriptor) &&
        atomic_fetch_add(&sync_count, 1) >= first) {
        return fail(number_of(fault));
    }
    return (int)syscall(call, descriptor);
}

int fsync(int descriptor) {
    return sync_or_fail(SYS_fsync, descriptor);
}

int fdatasync(int descriptor) {
    return sync_or_fail(SYS_fdatasync, descriptor);
}

int ftruncate64(int descriptor, off64_t length) {
    return strcmp(faulty_call, "truncate") == 0 ? fail(number_of(fault))
                                                : (int)syscall(SYS_ftruncate, descriptor, length);
}

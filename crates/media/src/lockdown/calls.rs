//! The list of system calls, by seccomp.
//!
//! What is not on it ends the process with SIGSYS, from which the parent tells that it happened. The filter checks the
//! architecture first, and the numbers of the x32 interface are none of those on the list.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};
use sfumato_media_client::sandbox::Purpose;

/// Whether threads may be started after the lock-down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// Those that run are all there will ever be.
    Fixed,
    /// More may be started, as video codecs do; processes may not.
    Growing,
}

impl Threads {
    /// What a process for this purpose needs.
    pub(super) const fn of(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Pictures => Self::Fixed,
            Purpose::Video | Purpose::Archive => Self::Growing,
        }
    }
}

/// Calls that are allowed whatever their arguments are.
const ALLOWED: &[c_long] = &[
    // The pipes, and the two files at and beside their offsets.
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_ftruncate,
    libc::SYS_fstat,
    libc::SYS_close,
    // Memory, without that which makes it executable: see `CONDITIONAL`.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads that wait for each other, and their end.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Threads that begin. One that was started before the lock-down may have had no processor until after it.
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    // How many processors there are and which one this is: allocator and inference engine.
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_sysinfo,
    // The time; most clocks are read without a call, that of the CPU time is not.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    // Keys of hash tables.
    libc::SYS_getrandom,
    // Signals that end the process: handlers for stack overflows, and the way through `abort`.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
];

/// Calls that fail instead of ending the process: libraries make them in passing and can do without.
const REFUSED: &[(c_long, i32)] = &[
    // The size of a file as a hint for reading it. They take paths as well, and a path cannot be judged here.
    (libc::SYS_statx, libc::ENOSYS),
    (libc::SYS_newfstatat, libc::ENOSYS),
    // Whether a stream is a terminal.
    (libc::SYS_ioctl, libc::ENOTTY),
];

/// Calls that codecs make for each video, and which fail instead of ending the process. How many processors there are and how
/// memory is handed out are questions that the C library answers out of files, and it goes on without them; which part of
/// the memory is near to which processor is none that has to be answered.
const REFUSED_FOR_CODECS: &[(c_long, i32)] = &[
    (libc::SYS_openat, libc::EACCES),
    (libc::SYS_get_mempolicy, libc::ENOSYS),
    (libc::SYS_sched_setaffinity, libc::EPERM),
    (libc::SYS_getpriority, libc::EPERM),
    (libc::SYS_setpriority, libc::EPERM),
    // `clone3` takes its flags from memory, where they cannot be judged. The libraries fall back.
    (libc::SYS_clone3, libc::ENOSYS),
];

/// Why the list is not in force; the text is a fragment.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallsError {
    /// The list cannot be written as a program.
    #[error("{0}")]
    Program(#[from] seccompiler::BackendError),
    /// The kernel refuses the program.
    #[error("{0}")]
    Refused(#[from] seccompiler::Error),
}

/// Puts the list in force on all threads.
pub(super) fn restrict(threads: Threads) -> Result<(), CallsError> {
    let refused = refused(threads);
    // The kernel takes the strictest answer of all filters. The list comes last: it has no call to add another one.
    for (call, errno) in refused {
        let action = SeccompAction::Errno(errno.unsigned_abs());
        let rules = BTreeMap::from([(call, vec![])]);
        apply_filter_all_threads(&program(rules, SeccompAction::Allow, action)?)?;
    }
    let list = program(list(threads)?, SeccompAction::KillProcess, SeccompAction::Allow)?;
    Ok(apply_filter_all_threads(&list)?)
}

/// The calls that fail.
fn refused(threads: Threads) -> impl Iterator<Item = (c_long, i32)> {
    let for_codecs = match threads {
        Threads::Fixed => &[][..],
        Threads::Growing => REFUSED_FOR_CODECS,
    };
    REFUSED.iter().chain(for_codecs).copied()
}

fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    then: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, then, architecture)?.try_into()
}

/// The calls of the list with the conditions on their arguments; none is no condition.
fn list(threads: Threads) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    let refused = refused(threads).map(|(call, _)| call);
    let unconditional = ALLOWED.iter().copied().chain(refused);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = unconditional.map(|call| (call, vec![])).collect();
    // Code is mapped before; data never becomes code. Neither shared memory nor stacks that grow count for the limit on
    // memory.
    let executable = flag(libc::PROT_EXEC);
    let uncounted = flag(libc::MAP_SHARED | libc::MAP_GROWSDOWN);
    let private_data = [lacks(2, executable)?, lacks(3, uncounted)?];
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(private_data.into())?]);
    rules.insert(
        libc::SYS_mprotect,
        vec![SeccompRule::new(vec![lacks(2, executable)?])?],
    );
    // In debug builds a file looks whether its descriptor is open before it closes it; videos ask whether a result can be read
    // again.
    let asking = |what: i32| SeccompRule::new(vec![equals(1, flag(what))?]);
    rules.insert(
        libc::SYS_fcntl,
        vec![asking(libc::F_GETFD)?, asking(libc::F_GETFL)?],
    );
    // A process may end itself by `abort`, and send nobody anything.
    let itself = u64::from(std::process::id());
    let abort = [equals(0, itself)?, equals(2, flag(libc::SIGABRT))?];
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(abort.into())?]);
    // Threads that begin are given a name.
    let name = equals(0, flag(libc::PR_SET_NAME))?;
    rules.insert(libc::SYS_prctl, vec![SeccompRule::new(vec![name])?]);
    if threads == Threads::Growing {
        let thread = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(flag(libc::CLONE_THREAD)),
            flag(libc::CLONE_THREAD),
        )?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![thread])?]);
    }
    Ok(rules)
}

/// A constant of the C library as an argument is compared with it.
fn flag(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}

fn equals(argument: u8, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn lacks(argument: u8, bits: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(bits), 0)
}

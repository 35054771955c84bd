//! What is tried inside of the jail. Each probe prepares outside what it needs and says whether it then could do it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::jail::Inside;

/// A thing to try: returns whether it worked.
type Attempt = Box<dyn FnOnce() -> bool>;

pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) inside: Inside,
    /// Whether it works outside and leaves the process as it was.
    pub(crate) harmless_outside: bool,
    pub(crate) prepare: fn() -> Attempt,
}

macro_rules! probes {
    ($($name:literal: $inside:ident, $outside:literal, $prepare:expr;)+) => {
        pub(crate) const PROBES: &[Probe] = &[$(Probe {
            name: $name,
            inside: Inside::$inside,
            harmless_outside: $outside,
            prepare: || $prepare,
        }),+];
    };
}

probes! {
    "open a file": Forbidden, true, now(|| File::open("/proc/self/exe").is_ok());
    "open a folder": Forbidden, true, now(|| std::fs::read_dir("/").is_ok());
    "open one of its own descriptors again": Forbidden, true, now(|| File::open("/proc/self/fd/0").is_ok());
    "make a file": Forbidden, false, now(|| File::create("/tmp/sfumato-jail-probe").is_ok());
    "remove a file": Forbidden, false, now(|| std::fs::remove_file("/tmp/sfumato-jail-probe").is_ok());
    "rename a file": Forbidden, false, now(|| std::fs::rename("/tmp/sfumato-jail-probe", "/tmp/x").is_ok());
    "change to another folder": Forbidden, false, now(|| std::env::set_current_dir("/tmp").is_ok());
    "read a link": Forbidden, true, now(|| std::fs::read_link("/proc/self/exe").is_ok());
    "duplicate a descriptor": Forbidden, true, {
        let file = tempfile::tempfile().unwrap();
        now(move || file.try_clone().is_ok())
    };
    "make a pipe": Forbidden, true, now(|| std::io::pipe().is_ok());

    "open a UDP socket": Forbidden, true, now(|| UdpSocket::bind("127.0.0.1:0").is_ok());
    "open a TCP socket": Forbidden, true, now(|| TcpListener::bind("127.0.0.1:0").is_ok());
    "open a Unix socket": Forbidden, true, now(|| UnixStream::pair().is_ok());
    "connect": Forbidden, true, {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        now(move || TcpStream::connect(listener.local_addr().unwrap()).is_ok())
    };
    "send on a socket that is there": Forbidden, false, raw(libc::SYS_sendmsg, [0; 6]);
    "receive a descriptor": Forbidden, false, raw(libc::SYS_recvmsg, [0; 6]);

    "start a program": Forbidden, true, now(|| program().status().is_ok());
    "become a program": Forbidden, false, now(|| program().exec().raw_os_error().is_none());
    "become a program by a descriptor": Forbidden, false, raw(libc::SYS_execveat, [0; 6]);
    "start a thread": Forbidden, true, now(start_a_thread);
    "clone": Forbidden, false, raw(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0]);
    "clone3": Forbidden, false, raw(libc::SYS_clone3, [0; 6]);
    "a process where threads may grow": Forbidden, false, raw(libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0]);
    "trace": Forbidden, false, raw(libc::SYS_ptrace, [0; 6]);
    "read another process": Forbidden, false, raw(libc::SYS_process_vm_readv, [1, 0, 0, 0, 0, 0]);
    "name another process": Forbidden, false, raw(libc::SYS_pidfd_open, [1, 0, 0, 0, 0, 0]);
    "kill the parent": Forbidden, false, {
        let parent = i64::from(rustix::process::getppid().unwrap().as_raw_nonzero().get());
        raw(libc::SYS_kill, [parent, libc::SIGKILL.into(), 0, 0, 0, 0])
    };
    "send itself a signal that does not end it": Forbidden, false, {
        let own = i64::from(std::process::id());
        raw(libc::SYS_tgkill, [own, own, libc::SIGWINCH.into(), 0, 0, 0])
    };
    "abort another process": Forbidden, false, {
        raw(libc::SYS_tgkill, [1, 1, libc::SIGABRT.into(), 0, 0, 0])
    };

    "map code": Forbidden, true, now(|| map(libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE));
    "map shared memory": Forbidden, true, now(|| map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED));
    "map a stack that grows": Forbidden, false, now(|| {
        map(libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_GROWSDOWN)
    });
    "make data executable": Forbidden, false, raw(libc::SYS_mprotect, [0, 4096, libc::PROT_EXEC.into(), 0, 0, 0]);
    "make data executable with a key": Forbidden, false, raw(libc::SYS_pkey_mprotect, [0; 6]);
    "change where memory belongs": Forbidden, false, raw(libc::SYS_userfaultfd, [0; 6]);
    "make a file in memory": Forbidden, false, raw(libc::SYS_memfd_create, [0; 6]);

    "raise a limit": Forbidden, false, raw(libc::SYS_prlimit64, [0; 6]);
    "be dumpable again": Forbidden, false, raw(libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0, 0]);
    "add a filter": Forbidden, false, raw(libc::SYS_seccomp, [9, 0, 0, 0, 0, 0]);
    "change the user": Forbidden, false, raw(libc::SYS_setuid, [0; 6]);
    "change namespaces": Forbidden, false, raw(libc::SYS_unshare, [0; 6]);
    "enter a namespace": Forbidden, false, raw(libc::SYS_setns, [-1, 0, 0, 0, 0, 0]);
    "mount": Forbidden, false, raw(libc::SYS_mount, [0; 6]);
    "load a module": Forbidden, false, raw(libc::SYS_finit_module, [-1, 0, 0, 0, 0, 0]);
    "queue input and output": Forbidden, false, raw(libc::SYS_io_uring_setup, [0; 6]);
    "load a program into the kernel": Forbidden, false, raw(libc::SYS_bpf, [-1, 0, 0, 0, 0, 0]);
    "watch the kernel": Forbidden, false, raw(libc::SYS_perf_event_open, [0; 6]);
    "read keys": Forbidden, false, raw(libc::SYS_keyctl, [-1, 0, 0, 0, 0, 0]);
    "call by another interface": Forbidden, false, raw(OTHER_INTERFACE, [-1, 0, 0, 0, 0, 0]);
    "make a call that does not exist": Forbidden, false, raw(4000, [0; 6]);

    "ask for the size of a file by its path": Refused, true, now(|| std::fs::metadata("/").is_ok());
    "ask whether it is on a terminal": Refused, false, raw(libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0]);

    "read and write a file that is open": Possible, true, {
        let mut file = low_file();
        now(move || {
            let mut text = String::new();
            file.write_all(b"text").is_ok()
                && file.write_all_at(b"T", 0).is_ok()
                && file.seek(SeekFrom::Start(0)).is_ok()
                && file.read_to_string(&mut text).is_ok()
                && text == "Text"
        })
    };
    "use memory and give it back": Possible, true, now(|| {
        // More in all than the limit allows at a time.
        (1..6u8).all(|round| std::hint::black_box(vec![round; 60 << 20]).last() == Some(&round))
    });
    "panic and go on": Possible, true, now(|| std::panic::catch_unwind(|| panic!("on purpose")).is_err());
    "make a hash table": Possible, true, now(|| {
        std::collections::HashSet::from([1, 2, 2]).len() == 2
    });
    "a thread where threads may grow": Possible, true, now(start_a_thread);
    // What the C library and ours do first in a thread, which may be after the lock-down where the machine is busy.
    "begin late as a thread": Possible, false, raw(libc::SYS_set_robust_list, [0, 24, 0, 0, 0, 0]);
    "register sequences that are restarted": Possible, false, now(|| {
        // It is registered already, which is an error and not the end.
        raw(libc::SYS_rseq, [0; 6])();
        true
    });
    "name a thread": Possible, false, raw(libc::SYS_prctl, [libc::PR_SET_NAME.into(), c"probe".as_ptr() as i64, 0, 0, 0, 0]);

    "memory beyond the limit": Special, false, now(|| std::hint::black_box(vec![1u8; 1 << 30]).last() == Some(&1));
    "a file beyond the limit": Special, false, {
        let mut file = low_file();
        now(move || file.write_all(&vec![0; 2 << 20]).is_ok())
    };
    "CPU time beyond the limit": Special, false, now(|| {
        let mut number = 1u64;
        while number != 0 {
            number = std::hint::black_box(number | 1);
        }
        true
    });
    "abort": Special, false, now(|| std::process::abort());
}

/// A number that the interface of x32 has, where there is one, and nobody otherwise.
const OTHER_INTERFACE: libc::c_long = 0x4000_0000;

fn now(attempt: impl FnOnce() -> bool + 'static) -> Attempt {
    Box::new(attempt)
}

/// A system call as it is. The arguments are such that it fails outside too.
fn raw(call: libc::c_long, [a, b, c, d, e, f]: [i64; 6]) -> Attempt {
    now(move || {
        #[expect(
            unsafe_code,
            reason = "these calls have no other interface, or one that does more"
        )]
        // SAFETY: the process ends right after this, whatever it does.
        let outcome = unsafe { libc::syscall(call, a, b, c, d, e, f) };
        outcome >= 0
    })
}

fn map(protection: i32, flags: i32) -> bool {
    const BYTES: usize = 4096;
    #[expect(unsafe_code, reason = "mapping memory is what is tried")]
    // SAFETY: a new mapping without an address touches none that exists, and nobody uses it before it is taken away.
    unsafe {
        let flags = flags | libc::MAP_ANONYMOUS;
        let place = libc::mmap(std::ptr::null_mut(), BYTES, protection, flags, -1, 0);
        place != libc::MAP_FAILED && libc::munmap(place, BYTES) == 0
    }
}

fn start_a_thread() -> bool {
    let thread = std::thread::Builder::new().spawn(|| 7);
    thread.is_ok_and(|thread| thread.join().unwrap() == 7)
}

fn program() -> Command {
    #[expect(clippy::disallowed_methods, reason = "starting a program is what is tried")]
    Command::new("/bin/true")
}

/// A file whose descriptor is one that the lock-down leaves open.
fn low_file() -> File {
    let file = tempfile::tempfile().unwrap();
    // Outside of the jail, among the other tests, it does not matter.
    if std::env::var_os("SFUMATO_TEST_PROBE").is_some() {
        assert!(file.as_raw_fd() <= 4, "{}", file.as_raw_fd());
    }
    file
}

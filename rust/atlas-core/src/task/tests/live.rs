//! A real process on Linux that stands for a Darwin one: this test program again, as its own child.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::linux::{LinuxTask, attach, failure};
use super::super::memory::TaskMemory;
use super::super::snapshot_loop::take;
use super::publisher::{Kind, Plant, Publisher, SEALED, atlas, atlases, time};
use super::*;
use crate::archive::Stamp;
use crate::error::{ErrorKind, SystemStatus};
use crate::model::Options;
use crate::sys::Pages;

/// What the child is to do; unset in the parent.
const TASK: &str = "DYLD_ATLAS_TEST_CHILD";

/// Memory of the child itself.
struct OwnMemory {
    pages: HashMap<u64, Pages>,
    low: bool,
}

impl OwnMemory {
    fn holding(&self, address: u64) -> (&Pages, usize) {
        let start = self.pages.keys().filter(|start| **start <= address).max().unwrap();
        (&self.pages[start], usize::try_from(address - start).unwrap())
    }
}

impl Plant for OwnMemory {
    fn map(&mut self, size: usize) -> u64 {
        let pages = Pages::new(size, self.low).unwrap();
        let address = pages.address();
        self.pages.insert(address, pages);
        address
    }

    fn unmap(&mut self, address: u64) {
        self.pages.remove(&address).unwrap();
    }

    fn write(&mut self, address: u64, bytes: &[u8]) {
        let (pages, at) = self.holding(address);
        pages.write(at, bytes);
    }

    fn store(&mut self, address: u64, value: u64, width: usize) {
        let (pages, at) = self.holding(address);
        match width {
            4 => pages.store_u32(at, value as u32),
            _ => pages.store_u64(at, value),
        }
    }

    fn swap(&mut self, address: u64, pair: [u64; 2], format: PointerFormat) {
        let (pages, at) = self.holding(address);
        match format {
            PointerFormat::Bits64 => pages.store_pair(at, pair),
            PointerFormat::Bits32 => pages.store_u64(at, pair[0] & 0xffff_ffff | pair[1] << 32),
        }
    }
}

fn announce(format: PointerFormat) -> Publisher<OwnMemory> {
    let name = if format == PointerFormat::Bits64 { c"dyld_all_image_infos" } else { c"dyld_all_image_infos32" };
    let infos = Pages::named(name, 4096).unwrap();
    let address = infos.address();
    let low = format == PointerFormat::Bits32;
    Publisher::new(OwnMemory { pages: HashMap::from([(address, infos)]), low }, address, format)
}

fn say(word: &str) {
    println!("\n{word}");
    std::io::stdout().flush().unwrap();
}

/// Does nothing in a run of the tests; in a child, what [`TASK`] says, until standard input ends.
#[test]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    if let Some(pid) = task.strip_prefix("read ") {
        let error = super::super::attach(pid.parse().unwrap()).err();
        return say(&format!("code {}", error.map_or(0, |error| error.kind().code())));
    }
    let (what, kind, format) = serve(&task);
    if what == "silent" {
        say("ready");
        std::io::stdin().lines().for_each(drop);
        return;
    }
    let mut publisher = announce(format);
    match what {
        "soak" => {
            let atlases = atlases(kind);
            publisher.publish(&atlases[0]);
            say("ready");
            let over = Arc::new(AtomicBool::new(false));
            let ending = Arc::clone(&over);
            std::thread::spawn(move || {
                std::io::stdin().lines().for_each(drop);
                ending.store(true, Ordering::Relaxed);
            });
            let published = atlases.iter().cycle().take_while(|_| !over.load(Ordering::Relaxed));
            let count = published.inspect(|atlas| publisher.publish(atlas)).count();
            say(&format!("published {count}"));
        }
        "bare" => {
            let program = Pages::new(0x4000, false).unwrap();
            program.write(0, &scavenging::header(2, 9));
            program.make_code().unwrap();
            say("ready");
            std::io::stdin().lines().for_each(drop);
        }
        _ => {
            publisher.time = time(0) - 1;
            publisher.publish(&atlas(0, kind));
            say("ready");
            for (line, variant) in std::io::stdin().lines().zip(1..) {
                line.unwrap();
                publisher.publish(&atlas(variant, kind));
                say("done");
            }
        }
    }
}

fn serve(task: &str) -> (&str, Kind, PointerFormat) {
    let mut words = task.split(' ');
    let what = words.next().unwrap();
    let (mut kind, mut format) = (SEALED, PointerFormat::Bits64);
    for word in words {
        match word {
            "none" => kind.stamp = Stamp::None,
            "cksum" => kind.stamp = Stamp::Cksum,
            "files" => kind.more_files = true,
            "32" => format = PointerFormat::Bits32,
            other => panic!("{other}"),
        }
    }
    (what, kind, format)
}

struct Served {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// This program, to do `task`.
fn command(task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "task::tests::live::child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

impl Served {
    fn start(task: &str) -> Self {
        let mut process = command(task).spawn().unwrap();
        let (input, output) = (process.stdin.take(), BufReader::new(process.stdout.take().unwrap()));
        let mut served = Self { process, input, output };
        served.wait_for("ready");
        served
    }

    fn wait_for(&mut self, word: &str) -> String {
        let mut line = String::new();
        while !line.starts_with(word) {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the child ended before it was {word}");
        }
        line
    }

    fn next(&mut self) {
        self.input.as_mut().unwrap().write_all(b"next\n").unwrap();
        self.wait_for("done");
    }

    fn task(&self) -> LinuxTask {
        attach(self.process.id()).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.input.take());
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn a_child_is_read() {
    for task in ["once", "once none", "once files", "once cksum"] {
        let mut served = Served::start(task);
        let task = served.task();
        assert_eq!(task.pid(), Some(served.process.id()));
        let (first, known) = fresh(&task, None);
        assert_eq!((first.record().timestamp, first.images().len()), (time(0), 30));
        assert!(is_unchanged(&task, known));
        served.next();
        let (second, _) = fresh(&task, Some(known));
        assert_eq!(second.record().timestamp, time(1));
        assert!(task.suspend().unwrap().is_none());
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_child_with_narrow_pointers_is_read() {
    let mut served = Served::start("once 32");
    let task = served.task();
    assert_eq!(task.dyld_info().unwrap().format, PointerFormat::Bits32);
    for variant in 0..5 {
        let taken = take(&task, None, Options::default()).unwrap();
        assert_eq!(taken.opening.unwrap().finish().unwrap().record().timestamp, time(variant));
        served.next();
    }
}

#[test]
fn a_child_that_has_published_nothing_is_scavenged() {
    let served = Served::start("bare");
    let taken = take(&served.task(), None, Options::default()).unwrap();
    let snapshot = taken.opening.unwrap().finish().unwrap();
    assert_eq!((snapshot.record().pid, snapshot.record().timestamp), (i64::from(served.process.id()), 1));
    assert_eq!(snapshot.images().get(0).unwrap().uuid().unwrap().as_bytes(), &[9; 16]);
}

#[test]
fn memory_is_read_to_the_end_of_its_mapping() {
    let served = Served::start("once");
    let task = served.task();
    let infos = task.dyld_info().unwrap();
    assert_eq!(infos.size, 368);
    let region = task.regions().unwrap().into_iter().find(|region| region.address == infos.address).unwrap();
    assert!(region.path.unwrap().starts_with("/memfd:dyld_all_image_infos"));
    assert_eq!((region.size, region.protection), (4096, 3));
    let count = |address: u64, size: usize| task.read(address, &mut vec![0; size]).unwrap();
    assert_eq!((count(infos.address, 4096), count(infos.address + 4095, 1)), (4096, 1));
    assert_eq!((count(0, 8), count(u64::MAX, 8), count(u64::MAX - 7, 8), count(1 << 63, 8)), (0, 0, 0, 0));
    assert_eq!(task.read(infos.address, &mut []).unwrap(), 0);
}

#[test]
fn a_process_that_ends_is_gone_even_before_anybody_waits_for_it() {
    let mut served = Served::start("once");
    let task = served.task();
    served.process.kill().unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    let error = loop {
        match take(&task, None, Options::default()) {
            Err(error) => break error,
            Ok(_) => assert!(Instant::now() < until, "it does not end"),
        }
    };
    let ErrorKind::TaskGone(failure) = error.kind() else { panic!("{error}") };
    assert_eq!((failure.pid, failure.status), (Some(served.process.id()), SystemStatus::Errno(3)));
    served.process.wait().unwrap();
    assert_eq!(take(&task, None, Options::default()).unwrap_err().kind().code(), 11);
    assert_eq!(attach(served.process.id()).unwrap_err().kind().code(), 11);
}

#[test]
fn a_process_that_announces_nothing() {
    let served = Served::start("silent");
    let error = attach(served.process.id()).unwrap_err();
    assert_eq!(error.kind().code(), 14, "{error}");
    assert!(error.hint().unwrap().contains("SimulatedProcess"));
    for pid in [0, u32::MAX, i32::MAX as u32] {
        assert_eq!(attach(pid).unwrap_err().kind().code(), 11, "{pid}");
    }
}

#[test]
fn what_the_kernel_refuses_is_told_with_what_helps() {
    for errno in [1, 13] {
        let error = failure("process_vm_readv", 7, &std::io::Error::from_raw_os_error(errno));
        assert_eq!(error.kind().code(), 10);
        let hint = error.hint().unwrap();
        assert!(hint.contains("ptrace_scope") && hint.contains("CAP_SYS_PTRACE"), "{hint}");
        assert!(error.to_string().starts_with("process 7: process_vm_readv: "), "{error}");
    }
    assert_eq!(failure("x", 7, &std::io::Error::from_raw_os_error(2)).kind().code(), 11);
    assert_eq!(failure("x", 7, &std::io::Error::from_raw_os_error(24)).kind().code(), 15);
}

/// Only root can become somebody else, to see what those may not.
#[test]
fn another_user_is_refused() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return println!("SKIPPED: this needs root");
    }
    let served = Served::start("once");
    let mut reader = command(&format!("read {}", served.process.id()));
    let Ok(output) = reader.uid(65534).gid(65534).output() else {
        return println!("SKIPPED: the test program is not to be run by others");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("\ncode 10\n"), "{said}");
}

#[test]
fn this_process_reads_itself() {
    let mut publisher = announce(PointerFormat::Bits64);
    publisher.publish(&atlas(5, SEALED));
    let task = attach(std::process::id()).unwrap();
    let taken = take(&task, None, Options::default()).unwrap();
    assert_eq!(taken.opening.unwrap().finish().unwrap().record().timestamp, time(5));
    // Announced anew elsewhere, as after running another program.
    let old = publisher;
    let mut publisher = announce(PointerFormat::Bits64);
    publisher.publish(&atlas(6, SEALED));
    drop(old);
    let again = std::iter::repeat_with(|| take(&task, None, Options::default())).take(2).last().unwrap();
    assert_eq!(again.unwrap().opening.unwrap().finish().unwrap().record().timestamp, time(6));
}

/// Reads a child that publishes without a pause, for `DYLD_ATLAS_SOAK_SECONDS` over all kinds.
#[test]
fn soak() {
    let seconds: f64 = std::env::var("DYLD_ATLAS_SOAK_SECONDS").map_or(4.0, |text| text.parse().unwrap());
    let mut tasks = vec!["soak", "soak none", "soak files", "soak cksum"];
    if cfg!(target_arch = "x86_64") {
        tasks.push("soak 32");
    }
    for name in &tasks {
        let mut served = Served::start(name);
        let (task, atlases) = (served.task(), atlases(serve(name).1));
        let end = Instant::now() + Duration::from_secs_f64(seconds / tasks.len() as f64);
        let (mut taken, mut attempts, mut worst, mut torn) = (0_u64, 0_u64, 0, 0_u64);
        let mut seen = std::collections::HashSet::new();
        while Instant::now() < end {
            match take(&task, None, Options::default()) {
                Ok(found) => {
                    (taken, attempts, worst) =
                        (taken + 1, attempts + u64::from(found.attempts), worst.max(found.attempts));
                    seen.insert(variant(found, &atlases));
                }
                Err(error) if error.kind().code() == 12 => torn += 1,
                Err(error) => panic!("{error}"),
            }
        }
        drop(served.input.take());
        let published = served.wait_for("published");
        let retries = attempts.saturating_sub(taken) as f64 / attempts.max(1) as f64;
        println!(
            "{name}: {taken} snapshots of {} atlases, {} ; retries {:.2} %, at worst {worst} attempts, {torn} given up",
            seen.len(),
            published.trim(),
            100.0 * retries,
        );
        assert!(taken > 20 && seen.len() > 5, "{name}: {taken} taken");
    }
}

//! Where outputs go: descriptors, links, mounts and folders as a shell's `>` would have it; plain files complete or not
//! at all, also when a signal comes or the disk is full.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::*;

/// A folder with a model and two shots, whose predictions are 1 and 0.
fn prepared() -> tempfile::TempDir {
    let folder = folder();
    put(folder.path(), "m.dem", "error(0.1) D0 L0\n");
    put(folder.path(), "in.01", "1\n0\n");
    folder
}

/// Runs a script in the shell, where `decode PATH` writes the two predictions to PATH, and `$outrider` is the program.
fn shell(folder: &Path, script: &str) -> (Option<i32>, String) {
    let prelude = "decode() { \"$outrider\" decode --dem m.dem --in in.01 --in-format 01 --out-format 01 --out \"$@\"; }\n";
    let output = Command::new("sh")
        .args(["-c", &format!("{prelude}{script}")])
        .env("outrider", env!("CARGO_BIN_EXE_outrider"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    (output.status.code(), String::from_utf8(output.stderr).expect("text on standard error"))
}

fn succeeds(folder: &Path, script: &str) {
    assert_eq!(shell(folder, script), (Some(0), String::new()), "{script}");
}

#[test]
fn a_redirected_descriptor_keeps_what_stands_before_and_after() {
    let paths = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1"];
    let paths = paths.into_iter().filter(|path| cfg!(target_os = "linux") || !path.starts_with("/proc"));
    for path in paths {
        let folder = prepared();
        succeeds(folder.path(), &format!("{{ echo header; decode {path}; echo footer; }} > log"));
        assert_eq!(get_text(folder.path(), "log"), "header\n1\n0\nfooter\n", "{path}");
        succeeds(folder.path(), &format!("echo old > log; decode {path} >> log"));
        assert_eq!(get_text(folder.path(), "log"), "old\n1\n0\n", "{path}");
        assert_eq!(names(folder.path()), ["in.01", "log", "m.dem"]);
    }
}

#[test]
fn descriptors_of_the_shell_s_own_are_written_where_they_stand() {
    for path in ["/dev/fd/3", "link"] {
        let folder = prepared();
        symlink("/dev/fd/3", folder.path().join("link")).expect("the folder is writable");
        succeeds(folder.path(), &format!("{{ echo header >&3; decode {path}; echo footer >&3; }} 3> log"));
        assert_eq!(get_text(folder.path(), "log"), "header\n1\n0\nfooter\n", "{path}");
        // A file that has no name any more, and a pipe.
        succeeds(folder.path(), &format!("exec 3> gone; rm gone; decode {path}"));
        succeeds(folder.path(), &format!("decode {path} 3>&1 >/dev/null | cat > piped"));
        assert_eq!(get_text(folder.path(), "piped"), "1\n0\n", "{path}");
        assert!(folder.path().join("link").is_symlink(), "{path}");
    }
}

#[test]
fn standard_error_can_take_an_output() {
    let folder = prepared();
    let (code, stderr) = shell(folder.path(), "echo before >&2; decode /dev/stderr");
    assert_eq!((code, stderr.as_str()), (Some(0), "before\n1\n0\n"));
}

#[test]
fn a_descriptor_that_is_not_open_is_an_error_before_decoding() {
    let folder = prepared();
    outrider(folder.path(), words("decode --dem m.dem --in in.01 --in-format 01 --out /dev/fd/77"))
        .refused(2, &["/dev/fd/77: cannot create"]);
}

#[test]
fn two_names_of_standard_output_are_refused() {
    let folder = prepared();
    for other in ["-", "/dev/stdout", "/dev/fd/1"] {
        let line = format!("decode --dem m.dem --in in.01 --in-format 01 --out /dev/stdout --stats {other}");
        outrider(folder.path(), words(&line)).refused(2, &["--out", "--stats"]);
    }
}

#[test]
fn links_lead_to_their_targets_even_before_they_exist() {
    let folder = prepared();
    fs::create_dir(folder.path().join("there")).expect("the folder is writable");
    symlink("there/second", folder.path().join("first")).expect("the folder is writable");
    symlink("out", folder.path().join("there/second")).expect("the folder is writable");
    for _ in 0..2 {
        succeeds(folder.path(), "decode first");
        assert_eq!(names(&folder.path().join("there")), ["out", "second"]);
        assert_eq!(get_text(folder.path(), "there/out"), "1\n0\n");
    }
    symlink("circle", folder.path().join("circle")).expect("the folder is writable");
    let (code, error) = shell(folder.path(), "decode circle");
    assert!(code == Some(2) && error.starts_with("error: circle: cannot create"), "{error}");
}

#[test]
fn a_writable_file_in_a_closed_folder_is_written_in_place() {
    let folder = prepared();
    fs::create_dir(folder.path().join("closed")).expect("the folder is writable");
    put(folder.path(), "closed/out", "older and much longer\n");
    fs::set_permissions(folder.path().join("closed"), Permissions::from_mode(0o555)).expect("it is ours");
    succeeds(folder.path(), "decode closed/out");
    assert_eq!(get_text(folder.path(), "closed/out"), "1\n0\n");
    fs::set_permissions(folder.path().join("closed"), Permissions::from_mode(0o755)).expect("it is ours");
}

#[test]
fn what_is_wrong_with_an_output_is_found_before_the_input_is_read() {
    let folder = prepared();
    fs::create_dir(folder.path().join("folder")).expect("the folder is writable");
    for path in ["folder", "folder/", "missing/out", "in.01/out", "new/"] {
        let arguments = ["decode", "--dem", "m.dem", "--in", "-", "--in-format", "01", "--out", path];
        let run = outrider_with_input(folder.path(), arguments, b"no shot\n");
        run.refused(2, &[&format!("error: {path}: cannot create")]);
    }
}

#[test]
fn a_signal_leaves_no_temporary_file_and_the_older_one() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = prepared();
        put(folder.path(), "out", "older");
        let mut child = program()
            .current_dir(folder.path())
            .args(words("decode --dem m.dem --in - --in-format 01 --out out"))
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        while names(folder.path()).len() == 3 {
            assert!(child.try_wait().expect("the program is ours").is_none(), "it waits for shots");
            std::thread::yield_now();
        }
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(sent.expect("a kill program").success());
        let status = child.wait().expect("the program ends");
        let number = [("INT", 2), ("TERM", 15), ("HUP", 1)].into_iter().find(|(name, _)| *name == signal);
        assert_eq!(status.signal(), number.map(|(_, number)| number), "{signal}");
        assert_eq!(names(folder.path()), ["in.01", "m.dem", "out"], "{signal}");
        assert_eq!(get_text(folder.path(), "out"), "older", "{signal}");
    }
}

#[test]
#[cfg(target_os = "linux")] // elsewhere a program cannot find out what it was started to ignore
fn signals_that_were_ignored_stay_ignored() {
    let folder = prepared();
    // `nohup` does this with HUP, and a shell with INT for what it starts in the background.
    let script = "trap '' HUP INT; mkfifo shots; \
                  \"$outrider\" decode --dem m.dem --in shots --in-format 01 --out-format 01 --out out & \
                  exec 4> shots; while [ -z \"$(ls .outrider-* 2>/dev/null)\" ]; do :; done; \
                  kill -s HUP $!; kill -s INT $!; cat in.01 >&4; exec 4>&-; wait $!";
    succeeds(folder.path(), script);
    assert_eq!(get_text(folder.path(), "out"), "1\n0\n");
}

#[test]
fn a_file_beyond_the_limit_is_an_error_and_leaves_nothing() {
    let folder = prepared();
    put(folder.path(), "many.01", "1\n0\n".repeat(100_000));
    let (code, error) = shell(
        folder.path(),
        "ulimit -f 8; \"$outrider\" decode --dem m.dem --in many.01 --in-format 01 --out-format 01 --out out",
    );
    assert_eq!(code, Some(1), "{error}");
    assert!(error.starts_with("error: out: cannot write") && error.lines().count() == 1, "{error}");
    assert_eq!(names(folder.path()), ["in.01", "m.dem", "many.01"]);
}

/// The program with its standard streams set by the shell, in a folder of [`prepared`].
fn redirected(folder: &Path, line: &str) -> (Option<i32>, String) {
    shell(folder, &format!("\"$outrider\" {line}"))
}

const READS: &str = "--dem m.dem --in in.01";

/// Commands that write to standard output.
fn printing() -> Vec<String> {
    let fixed = [
        "gen --distance 3 --p 0.01",
        "bench --distance 3 --p 0.01 --shots 10",
        "bench --distance 3 --p 0.01 --shots 10 --json -",
        "bench --distance 3 --p 0.01 --shots 10 --json new",
        "ler --distance 3 --p 0.01 --max-shots 10 --out new",
        "stream --distance 3 --p 0.01 --rounds 10 --round-time 0 --json new",
        "sample --dem m.dem --shots 4 --out - --obs-out new",
        "demo --shots 1",
        "completions bash",
        "man",
        "predecode --predecoder rule:clique --describe",
        "node --listen unix:new --distance 3 --p 0.01 --check",
    ];
    let reading = [
        "predict READS --in_format 01 --out -",
        "decode READS --out - --stats new",
        "decode READS --out new --stats -",
        "decode READS --out /dev/stdout",
        "decode READS --out /dev/fd/1",
        "count_mistakes READS",
        "predecode --predecoder rule:clique READS --out new --obs-out -",
    ];
    let reading = reading.map(|line| line.replace("READS", READS));
    fixed.map(str::to_owned).into_iter().chain(reading).collect()
}

#[test]
fn a_closed_standard_output_is_an_error_before_any_work() {
    let folder = prepared();
    for line in printing() {
        let (code, error) = redirected(folder.path(), &format!("{line} >&-"));
        let path = ["/dev/stdout", "/dev/fd/1"].into_iter().find(|path| line.contains(path));
        let refusal = match path {
            None => "error: standard output: it is closed\n".to_owned(),
            Some(path) => format!("error: {path}: cannot create: Bad file descriptor (os error 9)\n"),
        };
        assert_eq!((code, error), (Some(2), refusal), "{line}");
        assert_eq!(names(folder.path()), ["in.01", "m.dem"], "{line}");
    }
}

#[test]
fn standard_output_that_goes_nowhere_is_open() {
    let folder = prepared();
    // The last one is how Python's subprocess.DEVNULL opens it, and what the runtime puts in place of a closed one.
    for nowhere in [">/dev/null", "1<>/dev/null", "0<>/dev/null 1<>/dev/null 2<>/dev/null"] {
        for line in printing().iter().filter(|line| !line.starts_with("demo")) {
            let (code, error) = redirected(folder.path(), &format!("{line} {nowhere}"));
            assert_eq!(code, Some(0), "{line} {nowhere}: {error}");
            let _ = fs::remove_file(folder.path().join("new"));
        }
    }
    let arguments = words("decode --dem m.dem --in in.01 --out -");
    let status = program().current_dir(folder.path()).args(arguments).stdout(Stdio::null()).status();
    assert!(status.expect("the program starts").success());
}

#[test]
fn what_does_not_print_needs_no_standard_output() {
    let folder = prepared();
    let (code, error) =
        redirected(folder.path(), &format!("decode {READS} --out new --out-format 01 <&- >&-"));
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert_eq!(get_text(folder.path(), "new"), "1\n0\n");
}

#[test]
fn a_closed_standard_input_is_no_empty_one() {
    let folder = prepared();
    put(folder.path(), "w", "\n\n");
    for line in [
        "decode --dem - --in in.01 --out new",
        "decode --dem m.dem --in - --in-format 01 --out new",
        "decode --dem m.dem --in in.01 --weights-in - --out new",
        "predict --dem m.dem --in - --in_format 01 --out new",
        "ler --dem - --max-shots 10 --out new",
        "stream --distance 3 --p 0.01 --rounds 3 --shots - --format 01 --round-time 0",
    ] {
        let (code, error) = redirected(folder.path(), &format!("{line} <&-"));
        assert_eq!((code, error.as_str()), (Some(2), "error: standard input: it is closed\n"), "{line}");
        let _ = fs::remove_file(folder.path().join("new"));
        // Nothing in it is another thing.
        let (_, error) = redirected(folder.path(), &format!("{line} </dev/null"));
        assert!(!error.contains("closed"), "{line}: {error}");
        let _ = fs::remove_file(folder.path().join("new"));
    }
    for path in ["/dev/stdin", "/dev/fd/0"] {
        let line = format!("decode --dem m.dem --in {path} --in-format 01 --out new <&-");
        let (code, error) = redirected(folder.path(), &line);
        let refusal = format!("error: {path}: cannot open: Bad file descriptor (os error 9)\n");
        assert_eq!((code, error), (Some(2), refusal));
    }
}

#[test]
fn errors_for_a_closed_standard_error_go_into_no_file() {
    let folder = prepared();
    put(folder.path(), "bad.01", "1\nx\n");
    for streams in ["2>&-", "<&- >&- 2>&-"] {
        let line = format!("decode --dem m.dem --in bad.01 --in-format 01 --out new {streams}");
        assert_eq!(redirected(folder.path(), &line), (Some(2), String::new()));
        assert_eq!(names(folder.path()), ["bad.01", "in.01", "m.dem"], "{streams}");
        let line = format!("decode {READS} --out new --out-format 01 --edges-out /dev/null {streams}");
        assert_eq!(redirected(folder.path(), &line), (Some(0), String::new()));
        assert_eq!(get_text(folder.path(), "new"), "1\n0\n", "{streams}");
        fs::remove_file(folder.path().join("new")).expect("the predictions");
    }
    let (code, _) = redirected(folder.path(), &format!("decode {READS} --out /dev/stderr 2>&-"));
    assert_eq!(code, Some(2));
}

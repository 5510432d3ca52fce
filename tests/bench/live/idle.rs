//! 50,000 files that are watched.

use std::fs;
use std::time::{Duration, Instant};

use azds_tests::container::Container;

use super::{replace, until};
use crate::note;
use crate::service::Service;
use crate::statistics::{Row, Times};

const FOLDERS: usize = 2_500;
const FILES: usize = 20;
const IDLE: Duration = Duration::from_secs(60);
const EDITS: u32 = 9;

pub fn rows(service: &Service) -> Vec<Row> {
    let folder = service.another("many", "python-service");
    for number in 0..FOLDERS {
        let below = folder.join(format!("many/{}/{number}", number % 50));
        fs::create_dir_all(&below).expect("a folder can be made");
        for file in 0..FILES {
            fs::write(
                below.join(format!("{file}.txt")),
                format!("{number} {file}"),
            )
            .expect("it can be written");
        }
    }
    // They belong to the build, and the image needs none of them.
    replace(&folder, "Dockerfile.develop", "COPY . .", "COPY app.py .");
    let up = service.stay(&folder);
    until("an answer", || up.answers_now("EUR").is_ok());
    let container = Container::of(&up.pod);
    std::thread::sleep(Duration::from_secs(5));

    let before = processor_time(up.id());
    std::thread::sleep(IDLE);
    let idle = (processor_time(up.id()) - before).as_secs_f64() / IDLE.as_secs_f64() * 100.0;

    let text = fs::read_to_string(folder.join("app.py")).expect("the app");
    let mut times = Times::default();
    for number in 0..EDITS {
        std::thread::sleep(Duration::from_millis(700));
        let edited = text.replacen("EUR", &format!("X{number:02}"), 1);
        let begun = Instant::now();
        fs::write(folder.join("app.py"), &edited).expect("it can be written");
        until("the file", || {
            container.has("app/app.py", edited.as_bytes())
        });
        times.add(begun.elapsed());
    }
    let memory = memory(up.id());
    let work = "50,000 files watched";
    note(&format!("{work}, one edit: azds {}", times.describe()));
    vec![
        Row::of(&format!("{work}: idle"), f64::NAN, idle, 0.1, "% of a core"),
        Row::of(&format!("{work}: memory"), f64::NAN, memory, 60.0, "MiB"),
        Row::beside(
            &format!("{work}: save to file in the container"),
            &Times::default(),
            &times,
            50.0,
        ),
    ]
}

/// What a process has used, user's and system's time, in the clock's 100 ticks a second.
fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let (_, fields) = stat.rsplit_once(") ").expect("proc(5)");
    let ticks = fields.split(' ').skip(11).take(2);
    let ticks: u64 = ticks
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

/// What a process has in memory, in MiB.
fn memory(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kilobytes.expect("proc(5)") / 1024.0
}

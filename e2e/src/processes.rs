//! What processes use: the program's, and those of what it has started.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Its command line.
    pub command: String,
    /// The processor time that it has used.
    pub cpu: Duration,
}

impl Process {
    /// Its share of memory (PSS), in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory_kib(&self) -> anyhow::Result<u64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.id))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("no Pss")?.parse()?)
    }
}

/// A process, its children, theirs, and so on.
///
/// # Errors
/// When it has ended.
pub fn with_children(id: u32) -> anyhow::Result<Vec<Process>> {
    let mut all: HashMap<u32, (u32, Process)> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile is none.
        if let Ok((parent, process)) = read(id) {
            all.insert(id, (parent, process));
        }
    }
    let is_below = |one: &u32| {
        let mut at = *one;
        while at != id {
            match all.get(&at) {
                Some((parent, _)) if *parent != at => at = *parent,
                _ => return false,
            }
        }
        true
    };
    let mut below: Vec<u32> = all.keys().copied().filter(is_below).collect();
    below.sort_unstable();
    anyhow::ensure!(!below.is_empty(), "the program has ended");
    Ok(below
        .iter()
        .filter_map(|one| all.remove(one).map(|(_, process)| process))
        .collect())
}

fn read(id: u32) -> anyhow::Result<(u32, Process)> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |place: usize| fields.get(place).context("a field of stat is missing");
    let ticks = |place: usize| -> anyhow::Result<u64> { Ok(field(place)?.parse()?) };
    let command = std::fs::read_to_string(format!("/proc/{id}/cmdline"))?.replace('\0', " ");
    // utime and stime in clock ticks of 10 ms (proc(5)).
    let cpu = Duration::from_millis((ticks(11)? + ticks(12)?) * 10);
    Ok((field(1)?.parse()?, Process { id, command, cpu }))
}

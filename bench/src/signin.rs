//! B3: signing in, beside somebody who looks at pages; against what the hash alone allows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use argon2::{Argon2, Block};
use e2e::{Client, Marketplace};

use crate::figures::{Figures, Line};
use crate::workloads::{closed_loop, list_tickets, look_at, now};

/// How many people sign in again and again.
const PEOPLE: usize = 8;

/// Signs in on eight connections.
pub async fn signin(marketplace: &Marketplace, length: Duration) -> anyhow::Result<()> {
    let limit = limit(length).await?;
    println!("| limit: Argon2id | 19 MiB, two passes, all cores | {limit:.0} | | | | |");
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    list_tickets(&seller, 20).await?;
    let clients = sign_up_people(marketplace).await?;
    let stop = AtomicBool::new(false);
    let (cpu, began) = (marketplace.cpu()?, now());
    let end = began + length;
    let sign_in = closed_loop(clients, |(mut client, name)| async move {
        let mut took = Vec::new();
        while now() < end {
            took.push(client.sign_in(&name).await?.took);
        }
        Ok(took)
    });
    let signing_in = async {
        let figures = sign_in.await;
        stop.store(true, Ordering::Relaxed);
        figures
    };
    let (mut figures, mut pages) = tokio::try_join!(signing_in, browse(seller, &stop))?;
    let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
    let line = |workload, case: &str| Line {
        workload,
        case: case.to_owned(),
        wall,
        cpu,
        note: String::new(),
    };
    line("B3 signin", "8 connections").print(&mut figures);
    line("B3 browse meanwhile", "a page every 10 ms").print(&mut pages);
    Ok(())
}

/// Who signs in again and again, with their names.
pub async fn sign_up_people(marketplace: &Marketplace) -> anyhow::Result<Vec<(Client, String)>> {
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let name = format!("person{number}");
        people.push((Client::sign_up(marketplace.address, &name).await?, name));
    }
    Ok(people)
}

/// Somebody looks at the home page a hundred times a second.
async fn browse(mut client: Client, stop: &AtomicBool) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    while !stop.load(Ordering::Relaxed) {
        figures.took.push(look_at(&mut client, "/").await?);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(figures)
}

/// How many hashes a second all cores make in memory that is kept, with nothing else to do.
async fn limit(length: Duration) -> anyhow::Result<f64> {
    let cores = std::thread::available_parallelism()?.get();
    let began = now();
    let threads: Vec<_> = (0..cores)
        .map(|_| tokio::task::spawn_blocking(move || hash_until(began + length)))
        .collect();
    let mut hashes = 0;
    for thread in threads {
        hashes += thread.await??;
    }
    Ok(f64::from(hashes) / began.elapsed().as_secs_f64())
}

fn hash_until(end: std::time::Instant) -> anyhow::Result<u32> {
    // The library's default cost is that of the program.
    let argon = Argon2::default();
    let mut memory = vec![Block::default(); argon.params().block_count()];
    let (mut hashes, mut out) = (0, [0; 32]);
    let (password, salt) = (b"correct horse", b"sixteen bytes of");
    while now() < end {
        let hashed = argon.hash_password_into_with_memory(password, salt, &mut out, &mut memory);
        hashed.map_err(|error| anyhow!("{error}"))?;
        hashes += 1;
    }
    Ok(hashes)
}

//! Servers of this machine's loopback, made to be reached inside of a network.

use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

/// Passes on what comes to each listener to a port of loopback, from a thread of its own that lives as long
/// as the process. It stays in the namespace of whoever calls; the listeners may be of another.
///
/// # Errors
/// When a listener is not usable.
pub fn forward(listeners: Vec<(TcpListener, u16)>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for (listener, _) in &listeners {
        listener.set_nonblocking(true)?;
    }
    std::thread::spawn(move || {
        let local = tokio::task::LocalSet::new();
        for (listener, port) in listeners {
            local.spawn_local(pass_on(listener, port));
        }
        runtime.block_on(local);
    });
    Ok(())
}

async fn pass_on(listener: TcpListener, port: u16) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((mut from, _)) = listener.accept().await else {
            continue;
        };
        tokio::task::spawn_local(async move {
            let to = SocketAddr::from(([127, 0, 0, 1], port));
            if let Ok(mut to) = TcpStream::connect(to).await {
                from.set_nodelay(true).ok();
                to.set_nodelay(true).ok();
                copy_bidirectional(&mut from, &mut to).await.ok();
            }
        });
    }
}

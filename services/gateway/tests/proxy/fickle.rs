//! A server that hangs up on requests instead of answering them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use platform::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server whose connections answer so many requests, and close at the next one.
pub struct Fickle {
    pub address: std::net::SocketAddr,
    asked: Arc<AtomicUsize>,
    tasks: Tasks,
}

impl Fickle {
    /// `answers[n]` is how many requests connection `n` answers; later ones like the last.
    pub async fn start(answers: &'static [usize]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (tasks, asked) = (Tasks::default(), Arc::new(AtomicUsize::new(0)));
        let fickle = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::clone(&asked),
            tasks: tasks.clone(),
        };
        let connections = tasks.clone();
        tasks.spawn(async move {
            let mut number = 0;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let asked = Arc::clone(&asked);
                let mut left = *answers.get(number).or(answers.last()).unwrap();
                let mut read = vec![0; 4096];
                let count = stream.read(&mut read).await.unwrap_or(0);
                let is_probe = read.starts_with(b"GET /readyz");
                if !is_probe {
                    number += 1;
                }
                connections.spawn(async move {
                    let mut count = count;
                    while count > 0 {
                        if !is_probe {
                            asked.fetch_add(1, Ordering::Relaxed);
                            if left == 0 {
                                return;
                            }
                            left -= 1;
                        }
                        stream.write_all(OK.as_bytes()).await.unwrap();
                        count = stream.read(&mut read).await.unwrap_or(0);
                    }
                });
            }
        });
        fickle
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Fickle {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

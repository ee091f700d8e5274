//! Connections that are kept, one request at a time on each.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

/// One kept connection of somebody.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    /// The `Cookie` header, once signed in.
    pub cookie: Option<String>,
}

/// An answer and how long it took.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
    /// From sending the request to having read the body.
    pub took: Duration,
    /// The first `Set-Cookie`, up to its attributes.
    pub cookie: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
}

impl Answer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `code` of a problem document.
    #[must_use]
    pub fn code(&self) -> String {
        self.text("code").unwrap_or_default()
    }

    /// A text field of the JSON body.
    ///
    /// # Errors
    /// When there is none.
    pub fn text(&self, field: &str) -> anyhow::Result<String> {
        let json: Value = serde_json::from_slice(&self.body)?;
        let text = json.get(field).and_then(Value::as_str);
        Ok(text
            .with_context(|| format!("no {field} in {json}"))?
            .to_owned())
    }
}

fn credentials(name: &str) -> Value {
    json!({"email": format!("{name}@bench.example"), "password": "correct horse"})
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Ok(Self {
            sender: connection(address).await?,
            address,
            cookie: None,
        })
    }

    /// A second connection of the same person.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn again(&self) -> anyhow::Result<Self> {
        Ok(Self {
            cookie: self.cookie.clone(),
            ..Self::connect(self.address).await?
        })
    }

    /// Signs somebody new up.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn sign_up(address: SocketAddr, name: &str) -> anyhow::Result<Self> {
        let mut client = Self::connect(address).await?;
        let answer = client.post("/api/users/signup", &credentials(name)).await?;
        if answer.status != StatusCode::CREATED {
            bail!("signing up: {} {:?}", answer.status, answer.body);
        }
        client.cookie = answer.cookie;
        Ok(client)
    }

    /// Signs somebody in who has signed up, and goes on as them.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn sign_in(&mut self, name: &str) -> anyhow::Result<Answer> {
        let answer = self.post("/api/users/signin", &credentials(name)).await?;
        if answer.status != StatusCode::OK {
            bail!("signing in: {} {:?}", answer.status, answer.body);
        }
        self.cookie.clone_from(&answer.cookie);
        Ok(answer)
    }

    /// Lists a ticket; answers its id.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn list_ticket(&mut self, title: &str) -> anyhow::Result<String> {
        let answer = self
            .post("/api/tickets", &json!({"title": title, "price": 20}))
            .await?;
        if answer.status != StatusCode::CREATED {
            bail!("listing: {} {:?}", answer.status, answer.body);
        }
        answer.text("id")
    }

    /// Sends a GET.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let request = self.request("GET", path).body(Full::default())?;
        self.send(request).await
    }

    /// Sends a POST with JSON.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not the expected one.
    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let request = self
            .request("POST", path)
            .header("content-type", "application/json");
        self.send(request.body(Full::from(body.to_string()))?).await
    }

    /// Sends any method, with JSON if there is some and with further headers.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let mut request = self.request(method, path);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Full::default, |body| Full::from(body.to_string()));
        self.send(request.body(body)?).await
    }

    /// Sends a body as it is.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn raw(&mut self, path: &str, kind: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
        let request = self.request("POST", path).header("content-type", kind);
        self.send(request.body(Full::from(body))?).await
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string());
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        request
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "it measures the machine's own time"
    )]
    async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let began = Instant::now();
        // A server may close what it keeps after any answer, as after one that came before the body was
        // read; whoever comes again connects anew.
        if self.sender.is_closed() {
            self.sender = connection(self.address).await?;
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let cookie = headers
            .get("set-cookie")
            .and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie
            .and_then(|text| text.split(';').next())
            .map(str::to_owned);
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Answer {
            status,
            body,
            took: began.elapsed(),
            cookie,
            headers,
        })
    }
}

async fn connection(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the load generator is not part of the services"
    )]
    tokio::spawn(connection);
    Ok(sender)
}

//! Serves every page with believable data and no system behind it, to look at while designing.
//!
//! `cargo run -p web --example preview` prints where; the cookie `session=1` is a signed-in visitor.

#![expect(clippy::indexing_slicing, reason = "members of made-up documents")]

#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "the tests' stand-in"
)]
#[path = "../tests/web/fake.rs"]
mod fake;

use std::sync::Arc;

use fake::{Fake, ME, NOW, ORDER, OTHER, PAYMENT, SESSION, TICKET, me, order, payment, ticket};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;
use web::{Settings, routes};

const TITLES: [(&str, &str, f64); 14] = [
    (
        "Night Train · Royal Albert Hall, London · 3 June · stalls row 12",
        "gbp",
        84.0,
    ),
    ("Sagrada Sound Festival, three days", "eur", 189.5),
    ("FC Union v. Hertha, block F", "eur", 55.0),
    ("فيروز في بعلبك، ١٢ تموز", "usd", 210.0),
    ("Swan Lake, matinée, two seats together 🩰🦢", "usd", 96.0),
    ("東京ドーム 夏のコンサート アリーナ席", "jpy", 14800.0),
    ("Comedy Night at the Old Mill", "usd", 12.5),
    ("Opéra de Lyon, Carmen, 2e balcon", "eur", 48.0),
    ("Kuwait Jazz Week, front table", "kwd", 22.75),
    ("Centre Court, second Tuesday", "gbp", 1240.0),
    ("Reykjavík Airwaves pass", "usd", 305.0),
    ("Puppet theatre “The Little Tin Fox”", "chf", 18.0),
    ("Marathon start number, 12 October", "usd", 130.0),
    (
        "Wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
        "usd",
        999_999.99,
    ),
];

#[tokio::main]
async fn main() -> Result<(), std::io::Error> {
    let fake = Fake::default();
    catalogue(&fake);
    orders(&fake);
    people(&fake);
    let now: Timestamp = NOW.parse().map_err(std::io::Error::other)?;
    let changes = web::Changes::new(16);
    let settings = Settings {
        public_url: None,
        sandbox: true,
        dev_mail: true,
        limits: web::Limits::default(),
    };
    let new_id = Arc::new(|| Uuid::from_u128(7));
    let app = routes(
        settings,
        fake.gateway(),
        &changes,
        Arc::new(move || now),
        new_id,
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await
}

fn id(kind: u16, number: usize) -> String {
    format!("0196a000-0000-7000-8000-00000000{kind:02x}{number:02x}")
}

fn catalogue(fake: &Fake) {
    let list: Vec<Value> = TITLES
        .iter()
        .enumerate()
        .map(|(number, (title, currency, price))| {
            let mut shown = ticket(&id(1, number), title, OTHER, "listed");
            shown["currency"] = json!(currency);
            shown["price"] = json!(price);
            fake.answer(&format!("GET /api/tickets/{}", id(1, number)), 200, &shown);
            shown
        })
        .collect();
    fake.answer("GET /api/tickets", 200, &json!(list));
    fake.with_header(
        "GET /api/tickets",
        "link",
        "</api/tickets?cursor=abc>; rel=\"next\"",
    );
    fake.answer("GET /api/tickets?limit=24&q=nothing", 200, &json!([]));
    let mut mine = Vec::new();
    for (number, status) in ["listed", "held", "sold", "withdrawn"]
        .into_iter()
        .enumerate()
    {
        let theirs = ticket(&id(2, number), "Night Train, 3 June, stalls", OTHER, status);
        fake.answer(&format!("GET /api/tickets/{}", id(2, number)), 200, &theirs);
        let own = ticket(&id(3, number), "Open-air cinema, season ticket", ME, status);
        fake.answer(&format!("GET /api/tickets/{}", id(3, number)), 200, &own);
        mine.push(own);
    }
    fake.private("GET /api/tickets/mine", 200, &json!(mine));
    let messages = [
        ("title", "must not be empty"),
        ("price", "must be a plain decimal number such as 19.99"),
    ];
    fake.refuse("POST /api/tickets", 400, &messages);
    fake.refuse(
        "POST /api/orders",
        409,
        &[("", "The price changed meanwhile; look at it again.")],
    );
    fake.answer(
        &format!("GET /api/tickets/{TICKET}"),
        200,
        &ticket(TICKET, "x", OTHER, "sold"),
    );
}

fn orders(fake: &Fake) {
    let mut list = Vec::new();
    let statuses = [
        "awaiting:payment",
        "created",
        "paying",
        "complete",
        "cancelled",
        "refunded",
        "complete",
        "awaiting:payment",
        "awaiting:payment",
        "awaiting:payment",
    ];
    for (number, status) in statuses.into_iter().enumerate() {
        let id = id(4, number);
        let mut shown = order(&id, status);
        let mut payments = vec![];
        match number {
            3 | 6 => {
                shown["paymentId"] = json!(PAYMENT);
                shown["refunding"] = json!(number == 6);
                payments.push(payment(&id, "captured"));
            }
            4 => shown["cancelReason"] = json!("expired"),
            5 => shown["refunded"] = json!(120.5),
            7 => {
                payments.push(payment(&id, "failed"));
                payments[0]["failureCode"] = json!("insufficient_funds");
            }
            8 => {
                payments.push(payment(&id, "started"));
                payments[0]["actionUrl"] = json!("https://bank.example/confirm");
            }
            9 => shown["expiresAt"] = json!("2026-05-02T11:59:59Z"),
            _ => {}
        }
        fake.private(&format!("GET /api/orders/{id}"), 200, &shown);
        fake.private(
            &format!("GET /api/payments?orderId={id}"),
            200,
            &json!(payments),
        );
        list.push(shown);
    }
    fake.private("GET /api/orders", 200, &json!(list));
    fake.private("GET /api/payments", 200, &json!([]));
    fake.private(
        &format!("GET /api/orders/{ORDER}"),
        200,
        &order(ORDER, "complete"),
    );
    fake.refuse(
        "POST /api/payments",
        402,
        &[("", "The bank declined this card.")],
    );
}

fn people(fake: &Fake) {
    fake.answer("GET /api/users/currentuser", 200, &me());
    let session = |number, agent: &str, current: bool| {
        json!({
            "id": id(5, number), "createdAt": "2026-04-30T18:04:00Z", "current": current,
            "expiresAt": "2026-05-14T18:04:00Z", "userAgent": agent,
        })
    };
    let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/148.0 Safari/537.36";
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18 Safari/604";
    let sessions = json!([session(1, chrome, true), session(2, phone, false)]);
    fake.private("GET /api/users/sessions", 200, &sessions);
    fake.answer(
        &format!("DELETE /api/users/sessions/{SESSION}"),
        204,
        &json!(null),
    );
    fake.refuse(
        "POST /api/users/signin",
        400,
        &[("", "E-mail or password is wrong.")],
    );
    let messages = [
        ("email", "must be an e-mail address"),
        ("password", "must have 8 to 128 characters"),
    ];
    fake.refuse("POST /api/users/signup", 400, &messages);
    fake.refuse(
        "POST /api/users/password",
        400,
        &[("current", "is not your password")],
    );
    fake.answer("POST /api/users/password-resets", 202, &json!({}));
    fake.answer("GET /api/openapi.json", 200, &document());
    fake.answer(
        "GET /api/tickets/0196a000-0000-7000-8000-00000000ffff",
        503,
        &json!({}),
    );
}

fn document() -> Value {
    let found = json!({"$ref": "#/components/schemas/TicketView"});
    json!({
        "openapi": "3.1.0",
        "info": {"title": "ticketing", "version": "0.1.0", "description": "A ticket marketplace."},
        "paths": {
            "/api/tickets": {
                "get": {
                    "summary": "What can be bought now, newest first.",
                    "parameters": [{
                        "name": "q", "in": "query", "description": "Words to look for.",
                        "schema": {"type": ["string", "null"]},
                    }],
                    "responses": {"200": {
                        "description": "The tickets.",
                        "content": {"application/json": {"schema": {"type": "array", "items": found}}},
                    }},
                },
                "post": {
                    "summary": "Lists a ticket.",
                    "requestBody": {"content": {"application/json": {"schema": found}}},
                    "responses": {"201": {"description": "It is listed."}, "400": {"description": "Something is wrong with it."}},
                },
            },
            "/api/orders/{id}": {
                "delete": {"responses": {"204": {"description": "Cancelled."}}},
            },
        },
        "components": {"schemas": {"TicketView": {
            "type": "object", "description": "A listing as everybody may see it.",
            "required": ["id", "title"],
            "properties": {
                "id": {"type": "string", "format": "uuid", "description": "The listing's id."},
                "title": {"type": "string", "description": "What the seller calls it."},
                "orderId": {"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]},
            },
        }}},
    })
}

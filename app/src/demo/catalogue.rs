//! What the demo offers: invented events in several places, prices and currencies.

/// The password of every demo account.
pub const PASSWORD: &str = "correct horse battery";

/// Who sells.
pub const SELLERS: [&str; 4] = [
    "ada@demo.example",
    "bruno@demo.example",
    "chiara@demo.example",
    "dmitri@demo.example",
];

/// Who buys: the first has bought, the last holds something.
pub const BUYERS: [&str; 2] = ["erin@demo.example", "farid@demo.example"];

/// Which listings are sold, held and withdrawn, by place in [`LISTINGS`].
pub const SOLD: [usize; 3] = [2, 11, 23];
/// Held when the demo is loaded; free again when the hold ends.
pub const HELD: [usize; 2] = [5, 30];
/// Taken back by their sellers.
pub const WITHDRAWN: [usize; 2] = [8, 17];

/// Title, price in major units, currency. The last is the newest.
pub const LISTINGS: [(&str, &str, &str); 36] = [
    (
        "Open Air Cinema: The Third Man, deckchair 4, Sat 12 June",
        "14.50",
        "eur",
    ),
    ("Harbour Jazz Weekend, two-day pass", "89", "usd"),
    (
        "FC Altstadt – SV Nordkai, north stand, block C, row 9",
        "32.50",
        "eur",
    ),
    ("City Marathon bib transfer, start group 3", "75", "usd"),
    ("Museum Night, entry 8 pm, one person", "18", "eur"),
    ("The Paper Lanterns, Old Foundry, standing", "45", "usd"),
    (
        "Symphony No. 5 and new works, stalls, row F seat 12",
        "64",
        "usd",
    ),
    ("Stand-up Thursday, The Cellar, table for one", "22", "usd"),
    ("Aerial Circus “Gravity”, family block", "38.90", "eur"),
    ("Kyoto Lantern Walk, evening slot", "3200", "jpy"),
    (
        "National Theatre: The Winter's Tale, circle, row B",
        "52",
        "usd",
    ),
    ("Night Swim Concert, lakeside lawn", "29", "usd"),
    ("Rugby Sevens finals day, west terrace", "58", "usd"),
    ("Velvet Static farewell tour, upper tier", "110", "usd"),
    ("Food & Vinyl Festival, Sunday", "25", "eur"),
    ("Chess Grand Prix, spectator day 3", "15", "usd"),
    ("Opera in the Park: La Bohème, blanket seat", "20", "usd"),
    ("Northern Lights boat tour, late sailing", "145", "usd"),
    ("Ballet: Giselle, balcony left, seat 21", "41", "eur"),
    ("Indie Games Expo, Saturday", "30", "usd"),
    ("Mountain Stage: The Hollow Pines, standing", "48.50", "usd"),
    ("Handball Cup semi-final, block 114", "36", "eur"),
    ("Planetarium: Edge of the Sun, 9:30 pm", "12", "usd"),
    ("Electric Orchard Festival, three-day camping", "210", "usd"),
    ("Poetry Slam City Final", "9.50", "eur"),
    ("Desert Blues Night, riverside stage", "33", "usd"),
    ("Ice Hockey derby, section 207, row 3", "67", "usd"),
    ("Broadside Folk Club, monthly session", "11", "usd"),
    ("Kuwait Desert Rally, grandstand", "18.500", "kwd"),
    ("Spring Flower Show, members' morning", "26", "usd"),
    (
        "The Glass Animals of Murano, exhibition and tasting",
        "34",
        "eur",
    ),
    ("Symphonic Video Games, stalls, row M", "55", "usd"),
    ("Formula Student race day, paddock pass", "40", "eur"),
    ("Midnight Cinema: Metropolis with live organ", "19", "usd"),
    (
        "Women's Football Cup Final, lower tier, row 14",
        "72",
        "usd",
    ),
    (
        "The Paper Lanterns, Old Foundry, seated balcony",
        "62",
        "usd",
    ),
];

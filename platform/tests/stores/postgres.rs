//! One server and two processes' connections.

use crate::cases::all_cases;
use crate::rig::Rig;

all_cases!(Rig::postgres().await);

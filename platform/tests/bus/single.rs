//! JetStream on one server.

use crate::rig::single;
use crate::suite::{all_cases, every_bus};

all_cases!(every_bus, single().await);

//! One file and its writer thread.

use crate::cases::all_cases;
use crate::rig::Rig;

all_cases!(Rig::sqlite());

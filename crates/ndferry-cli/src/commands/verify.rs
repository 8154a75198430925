//! `ndferry verify`: is an NPB file whole?

use ndferry::CheckOptions;

use crate::args::VerifyArgs;
use crate::commands::check;
use crate::report::{Outcome, Session};

pub(crate) fn run(args: &VerifyArgs, session: &Session) -> anyhow::Result<Outcome> {
    let mut options = CheckOptions::default();
    options.open = session.open_options(args.threads.jobs);
    check::each(&args.paths, args.json, session, |path| {
        Ok(ndferry::verify(path, &options, &session.bar)?)
    })
}

//! The tasks behind what comes back and behind signed links: LMTP, Maildir, the gateway's own mails, the pages.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::{self, Console};
use crate::deliver::directory::{Directory, InForce};
use crate::deliver::links::{Maker, Signer};
use crate::deliver::message::LinkMaker;
use crate::fax::{Disposition, Fault};
use crate::pipeline::Context;
use crate::returns::{Desk, lmtp, maildir, sending};

/// Who gets faxes, by the policy in force.
pub(super) fn in_force(ctx: &Arc<Context>) -> InForce {
    let ctx = Arc::clone(ctx);
    Arc::new(move || {
        let policy = ctx.policy();
        Arc::new(Directory { departments: policy.departments.clone(), mail: policy.mail.clone() })
    })
}

/// Who makes the links in mails; `None`: the configuration has no `[links]`.
pub(super) fn link_maker(config: &Config) -> Result<Option<Arc<dyn LinkMaker>>, Fault> {
    let Some(links) = &config.links else { return Ok(None) };
    let signer = Signer::open(&config.data, &links.base)?;
    Ok(Some(Arc::new(Maker { signer, expires: links.expires, replies: config.returns.is_some() })))
}

/// Starts what `[returns]` and `[links]` ask for. All of it ends with `stop`.
pub(super) async fn start(
    config: &Config,
    ctx: &Arc<Context>,
    stop: &CancellationToken,
) -> Result<JoinSet<()>, Fault> {
    let mut tasks = JoinSet::new();
    let directory = in_force(ctx);
    // Also without doors: an earlier run may have left a mail to be sent.
    tasks.spawn(sending::run(ctx.store.clone(), Arc::clone(&directory), stop.clone()));
    if let Some(returns) = &config.returns {
        let desk = Desk::new(ctx.store.clone(), Arc::clone(&directory), Arc::clone(&ctx.clock));
        if let Some(at) = &returns.lmtp {
            let server = lmtp::Server::listen(at).await?;
            tasks.spawn(server.serve(desk.clone(), stop.clone()));
        }
        if let Some(root) = &returns.maildir {
            tasks.spawn(maildir::run(root.clone(), desk, stop.clone()));
        }
    }
    if let Some(links) = &config.links {
        let console = Console {
            store: ctx.store.clone(),
            signer: Arc::new(Signer::open(&config.data, &links.base)?),
            directory,
            clock: Arc::clone(&ctx.clock),
        };
        let listener = TcpListener::bind(links.listen).await.map_err(|error| {
            let sentence =
                format!("Nothing can listen on {} (links.listen): is another gateway running?", links.listen);
            Fault::new("daemon.listen", Disposition::Stop, sentence).with_detail(error)
        })?;
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = console::serve(listener, console, stop).await {
                tracing::error!(%error, "the pages of signed links are served no more");
            }
        });
    }
    Ok(tasks)
}

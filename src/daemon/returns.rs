//! The tasks behind what comes back and behind signed links: LMTP, Maildir, the pages.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::{self, Console};
use crate::deliver::links::{Maker, Signer};
use crate::deliver::message::LinkMaker;
use crate::fax::{Disposition, Fault};
use crate::pipeline::Context;
use crate::returns::{Desk, lmtp, maildir};

/// Who makes the links in mails; `None`: the configuration has no `[links]`.
pub(super) fn link_maker(config: &Config) -> Result<Option<Arc<dyn LinkMaker>>, Fault> {
    let Some(links) = &config.links else { return Ok(None) };
    let signer = Signer::open(&config.data, &links.base)?;
    Ok(Some(Arc::new(Maker { signer, expires: links.expires, replies: config.returns.is_some() })))
}

/// Ends when one of the tasks does though nobody said so: mails or clicks would wait unseen. The service manager
/// starts the gateway anew.
pub(super) async fn died(tasks: &mut JoinSet<()>) -> Fault {
    let detail = match tasks.join_next().await {
        Some(Err(error)) => error.to_string(),
        Some(Ok(())) => "it ended by itself".to_owned(),
        None => std::future::pending().await,
    };
    let sentence = "What comes back, or the pages of signed links, are served no more; please report it.";
    Fault::new("bug.returns", Disposition::Stop, sentence).with_detail(detail)
}

fn desk(ctx: &Arc<Context>) -> Desk {
    Desk::new(ctx.store.clone(), ctx.directory(), Arc::clone(&ctx.clock))
}

/// Takes once what lies in the Maildir of returned mail, for a run that does not stay.
pub(super) async fn take_once(config: &Config, ctx: &Arc<Context>) -> Result<(), Fault> {
    let Some(root) = config.returns.as_ref().and_then(|returns| returns.maildir.clone()) else {
        return Ok(());
    };
    maildir::Watch::new(root).take_all(&desk(ctx)).await.map(|_| ())
}

/// Starts what `[returns]` and `[links]` ask for. All of it ends with `stop`.
pub(super) async fn start(
    config: &Config,
    ctx: &Arc<Context>,
    stop: &CancellationToken,
) -> Result<JoinSet<()>, Fault> {
    let mut tasks = JoinSet::new();
    if let Some(returns) = &config.returns {
        let desk = desk(ctx);
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
            directory: ctx.directory(),
            clock: Arc::clone(&ctx.clock),
        };
        let listener = TcpListener::bind(links.listen).await.map_err(|error| {
            let sentence =
                format!("Nothing can listen on {} (links.listen): is another gateway running?", links.listen);
            Fault::new("daemon.listen", Disposition::Stop, sentence).with_detail(error)
        })?;
        let stop = stop.clone();
        tasks.spawn(console::serve(listener, console, stop));
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_dies_is_noticed() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("a fault at the door") });
        let fault = died(&mut tasks).await;
        assert_eq!((fault.code.as_str(), fault.disposition), ("bug.returns", Disposition::Stop));
        assert!(fault.detail.contains("a fault at the door"), "{}", fault.detail);
    }
}

//! The end: what this process serves itself is unmounted in order, all else stays as it is unless the
//! configuration says otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use isomirror_core::{
    name::Name,
    plan::{Actual, Circumstances, Occupant, Plan, Step, plan},
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep, timeout_at},
};
use tracing::{info, warn};

use super::{
    reconciler::{Reconciler, Settings},
    step::{Done, StepError},
    web_root::WebRoot,
};
use crate::logging::Chain;

/// Time beside the readers' for the last rounds. A drive that hangs longer is left to the kernel.
const GRACE: Duration = Duration::from_secs(2);

impl Reconciler {
    /// Returns the names of what should not have stayed and did.
    pub(super) async fn stop(mut self) -> Vec<Name> {
        let settings = Arc::clone(&self.settings.borrow());
        let left = self.take_down(&settings).await;
        if let Err(error) = self.memory.save() {
            warn!(error = %Chain(&error), "names are not remembered");
        }
        info!("stopped");
        left
    }

    /// Takes down what must not stay below the web root of `settings`, in rounds of its own. Returns the names of what
    /// stayed all the same.
    pub(super) async fn take_down(&mut self, settings: &Arc<Settings>) -> Vec<Name> {
        let deadline = Instant::now() + settings.drain + GRACE;
        self.attempts.clear();
        let mut left = Vec::new();
        if let Ok((web_root, observation)) = self.observe(settings).await {
            self.leave_view_files(&web_root, &observation, settings).await;
        }
        while Instant::now() < deadline {
            let Ok((web_root, observation)) = self.observe(settings).await else { break };
            // Else automount would mount again what is asked for.
            let catching_up =
                settings.unmount_on_stop.then(|| self.withdraw_map(&observation)).flatten();
            let plan = self.farewell(&observation.actual, settings);
            left = plan.steps.iter().map(Step::name).chain(&plan.waiting).cloned().collect();
            if plan.steps.is_empty() && plan.next.is_none() && catching_up.is_none() {
                break;
            }
            if timeout_at(deadline, self.carry_out_all(plan, &web_root, settings)).await.is_err() {
                warn!("a mount does not answer and is left behind");
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        left
    }

    /// Steps that take down what must not stay: everything that stays is what is wanted.
    fn farewell(&self, actual: &Actual, settings: &Settings) -> Plan {
        let served = self.workshop.served();
        let stays = |name: &Name| !settings.unmount_on_stop && !served.contains(name);
        let wanted = actual
            .iter()
            .filter_map(|(name, occupant)| match occupant {
                Occupant::Mounted { medium, dead: false, .. } if stays(name) => {
                    Some((name.clone(), *medium))
                }
                _ => None,
            })
            .collect();
        let media = actual.values().filter_map(|occupant| match occupant {
            Occupant::Mounted { medium, .. } => Some(*medium),
            Occupant::Directory { .. } | Occupant::Foreign => None,
        });
        let circumstances = Circumstances {
            in_flight: &BTreeSet::new(),
            attempts: &self.attempts,
            drain: settings.drain,
            present: &media.collect(),
            cut_at: &BTreeMap::new(),
            now: self.now(),
        };
        plan(&wanted, actual, circumstances)
    }

    async fn carry_out_all(
        &mut self,
        plan: Plan,
        web_root: &Arc<WebRoot>,
        settings: &Arc<Settings>,
    ) {
        for step in plan.steps {
            let (workshop, web_root) = (Arc::clone(&self.workshop), Arc::clone(web_root));
            let (planned, settings) = (step.clone(), Arc::clone(settings));
            let done: Result<Result<Done, StepError>, _> =
                spawn_blocking(move || workshop.carry_out(&step, &web_root, None, &settings)).await;
            self.note(done.ok().map(|done| (planned, done)));
        }
    }
}

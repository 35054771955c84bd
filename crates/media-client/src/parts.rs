//! A long video, part by part: what is done of it is kept, so that whoever takes it over begins where its predecessor was
//! stopped, and shared out, so that several do it at once.

use std::fs::File;
use std::io;
use std::num::NonZeroU32;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

use crate::child::Child;
use crate::error::MediaError;
use crate::protocol::{Reply, Report, Request, Task};

/// What planning and joining count for among the parts, as fractions of the whole: both read and write, and compute next to
/// nothing.
const PLANNED_AT: f32 = 0.01;
const JOINED_FROM: f32 = 0.98;

/// Where what is done of one long video is kept between attempts.
#[async_trait]
pub trait KeptParts: Send + Sync {
    /// The plan that was kept.
    async fn plan(&self) -> io::Result<Option<KeptPlan>>;

    /// Keeps a plan. From here on parts may be kept that belong to it.
    async fn keep_plan(&self, plan: &KeptPlan) -> io::Result<()>;

    /// What came of a part, if it was kept, and its size in bytes.
    async fn part(&self, number: u32) -> io::Result<Option<(Box<dyn AsyncRead + Send + Unpin>, u64)>>;

    /// The size in bytes of what came of a part, if it was kept.
    async fn part_bytes(&self, number: u32) -> io::Result<Option<u64>>;

    /// Keeps what came of a part.
    async fn keep_part(&self, number: u32, content: File) -> io::Result<()>;

    /// Forgets the plan and all parts.
    async fn forget(&self) -> io::Result<()>;
}

/// Who does which part of a video.
#[async_trait]
pub trait Turns: Send + Sync {
    /// Says which parts are missing, for all who take part; none where the video is not processed in parts after all.
    async fn offer(&self, missing: &[u32]) -> io::Result<()>;

    /// The next part to be done here. Where others are at all that are left, it waits a moment before it says so.
    async fn next(&self) -> io::Result<Turn>;

    /// The part that was to be done here has been kept.
    async fn done(&self) -> io::Result<()>;
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The part to be done here; none where others are at all that are left, or nothing is left.
    pub number: Option<u32>,
    /// How many parts are not done yet.
    pub left: u32,
}

/// In which parts a video is processed. Only a media process can read the plan itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptPlan {
    /// As the media process wrote it.
    pub plan: String,
    /// How many parts there are.
    pub parts: u32,
    /// Seeds the noise of all parts. As secret as the original.
    pub seed: [u8; 32],
}

/// How the parts of a video came to a result.
pub(crate) enum Outcome {
    /// There it is.
    Done(Report),
    /// The video has to be processed as a whole: it is short, it cannot be cut, or what was kept does not fit any more.
    Whole,
}

/// Where the video is cut, where its parts are kept, and who does them.
pub(crate) struct InParts<'a> {
    pub(crate) kept: &'a dyn KeptParts,
    pub(crate) turns: &'a dyn Turns,
    pub(crate) part_length_s: NonZeroU32,
}

/// Whether a plan still fits the video.
enum Holds {
    Yes,
    No,
}

/// Does one part and keeps it. The child has the original.
async fn do_part(
    child: &mut Child,
    task: &Task,
    plan: &KeptPlan,
    kept: &dyn KeptParts,
    number: u32,
    mut on_progress: impl FnMut(f32) + Send,
) -> Result<Holds, MediaError> {
    let request = Request::Part {
        task: task.clone(),
        plan: plan.plan.clone(),
        number,
    };
    match child.ask(&request, &mut on_progress).await? {
        Reply::Part { bytes } => {
            let content = child.scratch.take_output(bytes).await;
            let content = content.map_err(MediaError::Scratch)?;
            kept.keep_part(number, content).await.map_err(MediaError::Kept)?;
            Ok(Holds::Yes)
        }
        Reply::PlanDoesNotHold => Ok(Holds::No),
        other => Err(child.unexpected(other).await),
    }
}

/// Does parts of a video that another one has planned and is going to join, as long as there are any. The child has the
/// original.
pub(crate) async fn help(
    child: &mut Child,
    mut task: Task,
    kept: &dyn KeptParts,
    turns: &dyn Turns,
) -> Result<(), MediaError> {
    // Forgotten meanwhile: there is nothing to do.
    let Some(plan) = kept.plan().await.map_err(MediaError::Kept)? else {
        return Ok(());
    };
    task.seed = plan.seed;
    while let Some(number) = turns.next().await.map_err(MediaError::Kept)?.number {
        match do_part(child, &task, &plan, kept, number, |_| {}).await? {
            Holds::Yes => turns.done().await.map_err(MediaError::Kept)?,
            Holds::No => return Err(MediaError::Kept(io::ErrorKind::InvalidData.into())),
        }
    }
    Ok(())
}

impl InParts<'_> {
    /// Does what is missing, with those who help, and joins all of it. The child has the original.
    pub(crate) async fn run(
        &self,
        child: &mut Child,
        mut task: Task,
        mut on_progress: impl FnMut(f32) + Send,
    ) -> Result<Outcome, MediaError> {
        let Some(plan) = self.plan(child, &task).await? else {
            return Ok(Outcome::Whole);
        };
        task.seed = plan.seed;
        on_progress(PLANNED_AT);
        if let Holds::No = self.do_all(child, &task, &plan, &mut on_progress).await? {
            return self.begin_anew().await;
        }
        let mut parts = Vec::with_capacity(plan.parts as usize);
        let mut place = 0;
        for number in 0..plan.parts {
            let Some((mut content, bytes)) = self.kept.part(number).await.map_err(MediaError::Kept)? else {
                return self.begin_anew().await;
            };
            place = child
                .scratch
                .fill_parts(&mut content, place)
                .await
                .map_err(MediaError::Scratch)?;
            parts.push(bytes);
        }
        if place != parts.iter().sum::<u64>() {
            return self.begin_anew().await;
        }
        let request = Request::Join {
            task,
            plan: plan.plan,
            parts,
        };
        let mut hear = |fraction: f32| on_progress(JOINED_FROM + (1.0 - JOINED_FROM) * fraction);
        match child.ask(&request, &mut hear).await? {
            Reply::Done(report) => Ok(Outcome::Done(report)),
            Reply::PlanDoesNotHold => self.begin_anew().await,
            other => Err(child.unexpected(other).await),
        }
    }

    /// The plan that was kept, or a new one; none for a video of one part.
    async fn plan(&self, child: &mut Child, task: &Task) -> Result<Option<KeptPlan>, MediaError> {
        if let Some(plan) = self.kept.plan().await.map_err(MediaError::Kept)? {
            return Ok(Some(plan));
        }
        let request = Request::Plan {
            task: task.clone(),
            part_length_s: self.part_length_s,
        };
        match child.ask(&request, &mut |_| {}).await? {
            Reply::Planned { plan, parts } if parts > 1 => {
                let seed = task.seed;
                let plan = KeptPlan { plan, parts, seed };
                self.kept.keep_plan(&plan).await.map_err(MediaError::Kept)?;
                Ok(Some(plan))
            }
            Reply::Planned { .. } => Ok(None),
            other => Err(child.unexpected(other).await),
        }
    }

    /// Returns when all parts are kept.
    async fn do_all(
        &self,
        child: &mut Child,
        task: &Task,
        plan: &KeptPlan,
        on_progress: &mut (impl FnMut(f32) + Send),
    ) -> Result<Holds, MediaError> {
        let mut missing = vec![];
        for number in 0..plan.parts {
            let bytes = self.kept.part_bytes(number).await.map_err(MediaError::Kept)?;
            if bytes.is_none() {
                missing.push(number);
            }
        }
        self.turns.offer(&missing).await.map_err(MediaError::Kept)?;
        let share = (JOINED_FROM - PLANNED_AT) / plan.parts.max(1) as f32;
        loop {
            let Turn { number, left } = self.turns.next().await.map_err(MediaError::Kept)?;
            let begun = PLANNED_AT + share * plan.parts.saturating_sub(left) as f32;
            on_progress(begun);
            match number {
                Some(number) => {
                    let hear = |fraction: f32| on_progress(begun + share * fraction);
                    match do_part(child, task, plan, self.kept, number, hear).await? {
                        Holds::Yes => self.turns.done().await.map_err(MediaError::Kept)?,
                        Holds::No => return Ok(Holds::No),
                    }
                }
                None if left == 0 => return Ok(Holds::Yes),
                None => {}
            }
        }
    }

    /// Forgets what does not fit together.
    async fn begin_anew(&self) -> Result<Outcome, MediaError> {
        self.turns.offer(&[]).await.map_err(MediaError::Kept)?;
        self.kept.forget().await.map_err(MediaError::Kept)?;
        Ok(Outcome::Whole)
    }
}

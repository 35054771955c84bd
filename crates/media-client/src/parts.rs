//! A long video, part by part: what is done of it is kept, so that whoever takes it over begins where its predecessor was
//! stopped.

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

/// Where the video is cut, and where its parts are kept.
pub(crate) struct InParts<'a> {
    pub(crate) kept: &'a dyn KeptParts,
    pub(crate) part_length_s: NonZeroU32,
}

impl InParts<'_> {
    /// Does what is missing, and joins all of it. The child has the original.
    pub(crate) async fn run(
        &self,
        child: &mut Child,
        mut task: Task,
        mut on_progress: impl FnMut(f32) + Send,
    ) -> Result<Outcome, MediaError> {
        let plan = match self.kept.plan().await.map_err(MediaError::Kept)? {
            Some(plan) => plan,
            None => {
                let request = Request::Plan {
                    task: task.clone(),
                    part_length_s: self.part_length_s,
                };
                match child.ask(&request, &mut |_| {}).await? {
                    Reply::Planned { plan, parts } if parts > 1 => {
                        let plan = KeptPlan {
                            plan,
                            parts,
                            seed: task.seed,
                        };
                        self.kept.keep_plan(&plan).await.map_err(MediaError::Kept)?;
                        plan
                    }
                    Reply::Planned { .. } => return Ok(Outcome::Whole),
                    other => return Err(child.unexpected(other).await),
                }
            }
        };
        task.seed = plan.seed;
        on_progress(PLANNED_AT);
        let share = (JOINED_FROM - PLANNED_AT) / plan.parts.max(1) as f32;
        for number in 0..plan.parts {
            let begun = PLANNED_AT + share * number as f32;
            if self
                .kept
                .part_bytes(number)
                .await
                .map_err(MediaError::Kept)?
                .is_none()
            {
                let request = Request::Part {
                    task: task.clone(),
                    plan: plan.plan.clone(),
                    number,
                };
                let mut hear = |fraction: f32| on_progress(begun + share * fraction);
                match child.ask(&request, &mut hear).await? {
                    Reply::Part { bytes } => {
                        let content = child
                            .scratch
                            .take_output(bytes)
                            .await
                            .map_err(MediaError::Scratch)?;
                        self.kept
                            .keep_part(number, content)
                            .await
                            .map_err(MediaError::Kept)?;
                    }
                    Reply::PlanDoesNotHold => return self.begin_anew().await,
                    other => return Err(child.unexpected(other).await),
                }
            }
            on_progress(begun + share);
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

    /// Forgets what does not fit together.
    async fn begin_anew(&self) -> Result<Outcome, MediaError> {
        self.kept.forget().await.map_err(MediaError::Kept)?;
        Ok(Outcome::Whole)
    }
}

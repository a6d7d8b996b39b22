//! Where results go beside the terminal: JSON, Markdown, a page; and results from where they went.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::CompareArgs;
use crate::cli::output::Destination;
use crate::lab::outcome::{HostFacts, RunOutcome};
use crate::lab::{Plan, Story, json, markdown, page, report};

/// The files that were asked for, found to be writable.
#[derive(Debug)]
pub struct Results {
    json: Option<Destination>,
    markdown: Option<Destination>,
    html: Option<Destination>,
    resume: Option<Destination>,
}

impl Results {
    /// Makes ready to write them, before anything is measured.
    pub fn prepare(args: &CompareArgs) -> Result<Self> {
        let prepare = |path: &Option<_>| path.as_deref().map(Destination::prepare).transpose();
        Ok(Self {
            json: prepare(&args.json)?,
            markdown: prepare(&args.markdown)?,
            html: prepare(&args.html)?,
            resume: prepare(&args.resume)?,
        })
    }

    /// Writes what there is after each run, in the form that is read again: it is not lost should
    /// the machine fail.
    pub fn write_so_far(&self, story: &Story) -> Result<()> {
        let files: Vec<_> = self.records().filter(|file| file.is_file()).collect();
        if files.is_empty() {
            return Ok(());
        }
        let text = to_json(story)?;
        files.into_iter().try_for_each(|file| file.write(&text))
    }

    /// Writes everything.
    pub fn write(&self, story: &Story) -> Result<()> {
        let text = to_json(story)?;
        self.records().try_for_each(|file| file.write(&text))?;
        if let Some(file) = &self.markdown {
            file.write(&markdown::render(story))?;
        }
        self.html.as_ref().map_or(Ok(()), |html| html.write(&page::render(story)))
    }

    /// First what the next machine goes on from: what anybody else can read is not measured again then.
    fn records(&self) -> impl Iterator<Item = &Destination> {
        self.resume.iter().chain(&self.json)
    }
}

/// What is one comparison is a document of its own.
fn to_json(story: &Story) -> Result<String> {
    let text = match &story.chapters[..] {
        [chapter] => json::to_text(chapter, 0),
        // Within the story and its list of chapters.
        _ => json::to_text(story, 2),
    };
    text.context("cannot write JSON")
}

/// The runs of each of the plan's arms that `file` has, if it is there.
pub fn earlier(file: &Path, plan: &Plan, host: &HostFacts) -> Result<Vec<Vec<RunOutcome>>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let story = read(file)?;
    if story.host != *host {
        bail!(
            "{} was measured elsewhere ({}), not here ({}); name another file",
            file.display(),
            report::place(&story.host),
            report::place(host)
        );
    }
    let planned = |run: &&RunOutcome| run.number <= plan.runs;
    let runs = |arm| story.runs_of(arm).iter().filter(planned).cloned().collect();
    Ok(plan.arms.iter().map(runs).collect())
}

/// Reads a result that was written earlier.
pub fn read(file: &Path) -> Result<Story> {
    let cannot = || format!("cannot read {}", file.display());
    let text = fs::read_to_string(file).with_context(cannot)?;
    Story::from_json(&text).with_context(cannot)
}

//! Where results go beside the terminal: JSON, Markdown, a page.

use anyhow::{Context, Result};

use super::CompareArgs;
use crate::cli::output::Destination;
use crate::lab::{Story, json, markdown, page};

/// The files that were asked for, found to be writable.
#[derive(Debug)]
pub struct Results {
    json: Option<Destination>,
    markdown: Option<Destination>,
    html: Option<Destination>,
}

impl Results {
    /// Makes ready to write them, before anything is measured.
    pub fn prepare(args: &CompareArgs) -> Result<Self> {
        let prepare = |path: &Option<_>| path.as_deref().map(Destination::prepare).transpose();
        Ok(Self {
            json: prepare(&args.json)?,
            markdown: prepare(&args.markdown)?,
            html: prepare(&args.html)?,
        })
    }

    /// Writes them. What is one comparison is a document of its own.
    pub fn write(self, story: &Story) -> Result<()> {
        if let Some(file) = self.json {
            let text = match &story.chapters[..] {
                [chapter] => json::to_text(chapter, 0),
                // Within the story and its list of chapters.
                _ => json::to_text(story, 2),
            };
            file.write(&text.context("cannot write JSON")?)?;
        }
        if let Some(file) = self.markdown {
            file.write(&markdown::render(story))?;
        }
        self.html.map_or(Ok(()), |html| html.write(&page::render(story)))
    }
}

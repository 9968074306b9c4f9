//! The network itself: PP-OCRv6 small for lines, run by rten on one thread.

use std::path::Path;
use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool};
use rten_tensor::{AsView, Layout, NdTensor};

use super::alphabet::Alphabet;
use super::strip::{HEIGHT, Strip};

/// The strip's pixels per step of the answer.
pub const STEP: f32 = 8.0;
/// Where the model keeps its list of characters.
const LIST: &str = "character";

/// The network, loaded. Serves one thread.
pub struct Network {
    model: Model,
    input: NodeId,
    output: NodeId,
    /// What its classes mean.
    pub alphabet: Alphabet,
    threads: Arc<ThreadPool>,
}

/// The answer for one strip: for each step, how likely each class is; a row sums to 1.
pub struct Answer {
    values: Vec<f32>,
    classes: usize,
}

impl Answer {
    /// The rows.
    pub fn steps(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.classes)
    }

    #[cfg(test)]
    pub fn of(values: Vec<f32>, classes: usize) -> Self {
        Self { values, classes }
    }
}

impl Network {
    /// Loads the model file. The error is for people.
    pub fn load(file: &Path) -> Result<Self, String> {
        let model = ModelOptions::with_all_ops().load_file(file).map_err(|error| error.to_string())?;
        let list = model.metadata().fields().find(|(name, _)| *name == LIST);
        let (_, list) = list.ok_or("it holds no list of characters")?;
        let alphabet = Alphabet::parse(list).ok_or("its list of characters has an empty line")?;
        let (&[input], &[output]) = (model.input_ids(), model.output_ids()) else {
            return Err("it has not one input and one output".into());
        };
        let threads = Arc::new(ThreadPool::with_num_threads(1));
        Ok(Self { model, input, output, alphabet, threads })
    }

    /// Reads one strip.
    ///
    /// Strips are not batched: on one thread four strips at once took as long as four times one (170 against
    /// 4 × 41 ms), and strips of different widths would have to be padded.
    pub fn read(&self, strip: &Strip) -> Result<Answer, String> {
        let (height, width) = (HEIGHT as usize, strip.width as usize);
        let plane: Vec<f32> = strip.samples.iter().map(|level| f32::from(*level) / 127.5 - 1.0).collect();
        let mut planes = Vec::with_capacity(plane.len() * 3);
        for _ in 0..3 {
            planes.extend_from_slice(&plane);
        }
        let input = NdTensor::<f32, 4>::from_data([1, 3, height, width], planes);
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let [output] = self
            .model
            .run_n(vec![(self.input, input.view().into())], [self.output], Some(options))
            .map_err(|error| error.to_string())?;
        let output: NdTensor<f32, 3> = output.try_into().map_err(|_| "its answer is no table of numbers")?;
        let classes = output.size(2);
        if classes != self.alphabet.len() {
            return Err(format!("it answers {classes} classes for {} characters", self.alphabet.len()));
        }
        Ok(Answer { values: output.into_data(), classes })
    }
}

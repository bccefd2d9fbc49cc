//! Work on a worker thread whose promise always resolves: to a value or to a failure.

use crate::failure::BindingFailure;
use napi::bindgen_prelude::{AsyncTask, Either, ToNapiValue, TypeName};
use napi::{Env, Result, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What every asynchronous verb resolves to.
pub(crate) type Outcome<V> = Either<V, BindingFailure>;

/// A closure for a worker thread, and how its result becomes a JavaScript value.
pub struct Job<T, V> {
    work: Option<Box<dyn FnOnce() -> std::result::Result<T, BindingFailure> + Send>>,
    lift: fn(Env, T) -> V,
}

/// Starts `work` on a worker thread; `lift` runs on JavaScript's.
pub(crate) fn job<T, V>(
    work: impl FnOnce() -> std::result::Result<T, BindingFailure> + Send + 'static,
    lift: fn(Env, T) -> V,
) -> AsyncTask<Job<T, V>>
where
    T: Send + 'static,
    V: ToNapiValue + TypeName,
{
    AsyncTask::new(Job { work: Some(Box::new(work)), lift })
}

/// Runs a closure and turns a panic into a failure: an unwinding that reached Node would end the process.
pub(crate) fn contained<T>(
    work: impl FnOnce() -> std::result::Result<T, BindingFailure>,
) -> std::result::Result<T, BindingFailure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(BindingFailure::panicked(&*payload)))
}

impl<T, V> Task for Job<T, V>
where
    T: Send + 'static,
    V: ToNapiValue + TypeName,
{
    type Output = std::result::Result<T, BindingFailure>;
    type JsValue = Outcome<V>;

    fn compute(&mut self) -> Result<Self::Output> {
        let Some(work) = self.work.take() else {
            return Ok(Err(BindingFailure::busy("job")));
        };
        Ok(contained(work))
    }

    fn resolve(&mut self, env: Env, output: Self::Output) -> Result<Self::JsValue> {
        Ok(match output {
            Ok(value) => Either::A((self.lift)(env, value)),
            Err(failure) => Either::B(failure),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::contained;

    #[test]
    fn a_panic_becomes_an_internal_failure_with_its_text() {
        let failure = contained::<()>(|| panic!("one block too many")).unwrap_err();
        assert_eq!(failure.code, "INTERNAL");
        assert!(failure.message.contains("one block too many"));
    }
}

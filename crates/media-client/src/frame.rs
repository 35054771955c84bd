//! Frames on a pipe: a length (32 bits, big endian) and that many bytes of JSON.
//!
//! The server reads and writes them asynchronously, the child blocks. Both sides distrust each other: a length is checked
//! against [`FRAME_BYTES_MAX`] before a byte is kept, and memory grows with the bytes that really arrive.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::protocol::FRAME_BYTES_MAX;

/// A frame could not be read or written.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The pipe failed.
    #[error("use the pipe")]
    Io(#[source] io::Error),
    /// The pipe ended inside a frame.
    #[error("read a frame: the pipe ended inside it")]
    Truncated,
    /// The frame is larger than [`FRAME_BYTES_MAX`].
    #[error("accept a frame of {bytes} bytes: the limit is {FRAME_BYTES_MAX}")]
    TooLarge {
        /// The size that was announced.
        bytes: u64,
    },
    /// The bytes are not the JSON of the message that was expected.
    #[error("understand a frame")]
    Malformed(#[source] serde_json::Error),
}

/// The bytes of a frame, length included.
///
/// # Errors
/// [`FrameError::TooLarge`] where the message is larger than a frame may be, [`FrameError::Malformed`] where it cannot be
/// written as JSON.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(FrameError::Malformed)?;
    let bytes = frame.len() as u64 - 4;
    let length = u32::try_from(bytes)
        .ok()
        .filter(|length| *length <= FRAME_BYTES_MAX)
        .ok_or(FrameError::TooLarge { bytes })?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

fn decode<T: DeserializeOwned>(body: &[u8], announced: u32) -> Result<T, FrameError> {
    if body.len() < announced as usize {
        return Err(FrameError::Truncated);
    }
    serde_json::from_slice(body).map_err(FrameError::Malformed)
}

fn checked_length(prefix: [u8; 4]) -> Result<u32, FrameError> {
    let length = u32::from_be_bytes(prefix);
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes: length.into() });
    }
    Ok(length)
}

/// Writes one frame and flushes.
///
/// # Errors
/// As [`encode`], and [`FrameError::Io`].
pub fn write<T: Serialize>(writer: &mut impl Write, message: &T) -> Result<(), FrameError> {
    writer.write_all(&encode(message)?).map_err(FrameError::Io)?;
    writer.flush().map_err(FrameError::Io)
}

/// Reads one frame; `None` where the pipe ended before the first byte of it.
///
/// # Errors
/// Any [`FrameError`]; the pipe is of no use afterwards.
pub fn read<T: DeserializeOwned>(reader: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut prefix = Vec::with_capacity(4);
    reader
        .by_ref()
        .take(4)
        .read_to_end(&mut prefix)
        .map_err(FrameError::Io)?;
    let Some(length) = parse_prefix(&prefix)? else {
        return Ok(None);
    };
    let mut body = Vec::new();
    reader
        .by_ref()
        .take(length.into())
        .read_to_end(&mut body)
        .map_err(FrameError::Io)?;
    decode(&body, length).map(Some)
}

/// As [`write()`], asynchronously.
///
/// # Errors
/// As [`write()`].
pub async fn write_async<T: Serialize>(
    writer: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), FrameError> {
    writer
        .write_all(&encode(message)?)
        .await
        .map_err(FrameError::Io)?;
    writer.flush().await.map_err(FrameError::Io)
}

/// As [`read`], asynchronously. Not cancel safe: a frame that was read in part is lost.
///
/// # Errors
/// As [`read`].
pub async fn read_async<T: DeserializeOwned>(
    reader: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    let mut prefix = Vec::with_capacity(4);
    (&mut *reader)
        .take(4)
        .read_to_end(&mut prefix)
        .await
        .map_err(FrameError::Io)?;
    let Some(length) = parse_prefix(&prefix)? else {
        return Ok(None);
    };
    let mut body = Vec::new();
    (&mut *reader)
        .take(length.into())
        .read_to_end(&mut body)
        .await
        .map_err(FrameError::Io)?;
    decode(&body, length).map(Some)
}

fn parse_prefix(prefix: &[u8]) -> Result<Option<u32>, FrameError> {
    match *prefix {
        [] => Ok(None),
        [a, b, c, d] => checked_length([a, b, c, d]).map(Some),
        _ => Err(FrameError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sfumato_core::FailureClass;

    use super::*;
    use crate::protocol::{Failure, Reply};

    fn replies() -> impl Strategy<Value = Reply> {
        prop_oneof![
            prop::collection::vec(".*", 0..4).prop_map(|models| Reply::Ready {
                models,
                layers: crate::sandbox::Layers::default()
            }),
            (0.0f32..=1.0).prop_map(Reply::Progress),
            ".*".prop_map(|message| Reply::Failed(Failure {
                class: FailureClass::Input,
                message
            })),
        ]
    }

    proptest! {
        #[test]
        fn a_stream_of_frames_comes_back_as_it_was_written(messages in prop::collection::vec(replies(), 0..8)) {
            let mut pipe = vec![];
            for message in &messages {
                write(&mut pipe, message).unwrap();
            }
            let mut reader = &pipe[..];
            for message in &messages {
                let read_back: Option<Reply> = read(&mut reader).unwrap();
                prop_assert_eq!(read_back.as_ref(), Some(message));
            }
            prop_assert_eq!(read::<Reply>(&mut reader).unwrap(), None);
        }

        #[test]
        fn both_readers_agree_on_any_bytes_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let blocking = read::<Reply>(&mut &bytes[..]);
            let asynchronous = runtime.block_on(read_async::<Reply>(&mut &bytes[..]));
            prop_assert_eq!(format!("{blocking:?}"), format!("{asynchronous:?}"));
        }

        #[test]
        fn a_frame_that_is_cut_off_is_an_error_and_not_an_end(message in replies(), cut in any::<prop::sample::Index>()) {
            let frame = encode(&message).unwrap();
            let kept = 1 + cut.index(frame.len() - 1);
            let outcome = read::<Reply>(&mut &frame[..kept]);
            prop_assert!(matches!(outcome, Err(FrameError::Truncated)), "{outcome:?}");
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_anything_is_kept() {
        let outcome = read::<Reply>(&mut &[0xFF, 0xFF, 0xFF, 0xFF, b'{'][..]);
        assert!(matches!(outcome, Err(FrameError::TooLarge { bytes }) if bytes == u64::from(u32::MAX)));
    }

    #[test]
    fn json_of_another_shape_is_malformed() {
        let frame = encode(&serde_json::json!({"opened": "/etc/passwd"})).unwrap();
        assert!(matches!(
            read::<Reply>(&mut &frame[..]),
            Err(FrameError::Malformed(_))
        ));
    }
}

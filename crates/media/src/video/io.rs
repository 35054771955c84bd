//! libav on descriptors that were there before: it opens nothing by itself, neither files nor connections.
//!
//! Demuxers open further files in many ways: external references of QuickTime, playlists, chapters, and whatever the next
//! version adds. All of them go through one callback of the format context, and here that callback refuses.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fs::File;
use std::io;
use std::ptr;
use std::sync::{Arc, Once};

use ffmpeg_next::format::context::{Input, Output, StreamIo};
use ffmpeg_next::{self as libav, Dictionary, ffi};

use super::container::Container;
use super::error::VideoError;
use super::options::VideoLimits;
use crate::positioned::Positioned;

/// Decoders of pictures that are used. Those of sound are not among them: sound is copied, never decoded.
const DECODERS: &str = "h264,hevc,mpeg4,mjpeg,vp8,vp9,prores,libdav1d";

/// How many bytes are read at most to learn about the tracks.
const PROBE_BYTES_MAX: &str = "8000000";

/// How much time of the video is read at most to learn about the tracks, in microseconds.
const PROBE_US_MAX: &str = "6000000";

/// How many bytes are read or written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Keeps libav from writing to standard error, which is the log of the whole process, and makes its errors speak: their texts
/// are empty before.
pub(super) fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        libav::log::set_level(libav::log::Level::Quiet);
        libav::error::register_all();
    });
}

/// Opens an original, and learns about its tracks.
///
/// # Errors
/// [`VideoError::Damaged`], a broken limit, or no memory.
#[expect(
    unsafe_code,
    reason = "the safe interface cannot name a demuxer, refuse further files, or limit the decoders of the probe"
)]
pub(super) fn open_input(
    file: Arc<File>,
    container: Container,
    limits: &VideoLimits,
) -> Result<Input, VideoError> {
    silence();
    let mut stream = StreamIo::from_read_seek_with_capacity(Positioned::new(file), BUFFER_BYTES)
        .map_err(|error| VideoError::internal("prepare the input", error))?;
    let demuxer = c_string(container.demuxer());
    let options = Dictionary::from_iter([
        ("format_whitelist", container.demuxer()),
        // No protocol is called this.
        ("protocol_whitelist", "none"),
        ("codec_whitelist", DECODERS),
        ("probesize", PROBE_BYTES_MAX),
        ("analyzeduration", PROBE_US_MAX),
        // The tracks of chapters and of cover art are left out anyway; other demuxers do not know this option.
        ("ignore_chapters", "1"),
    ]);
    // SAFETY: `avformat_alloc_context` returns null or a context that is ours. Its fields are set as the documentation of
    // `avformat_open_input` says, before that function is called; the function frees the context and nulls the pointer where
    // it fails. `stream` outlives the context: it moves into the `Input` that owns both, or is dropped after the failed
    // context is gone. The dictionary is given up to libav and taken back, so that it is freed once.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(VideoError::Memory);
        }
        (*context).pb = stream.as_mut_ptr();
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        (*context).io_open = Some(refuse);
        let format = ffi::av_find_input_format(demuxer.as_ptr());
        if format.is_null() {
            ffi::avformat_free_context(context);
            return Err(VideoError::internal(
                "find the demuxer",
                libav::Error::DemuxerNotFound,
            ));
        }
        let mut options = options.disown();
        let code = ffi::avformat_open_input(&raw mut context, ptr::null(), format, &raw mut options);
        drop(Dictionary::own(options));
        if code < 0 {
            return Err(unreadable(container, code.into()));
        }
        let input = Input::wrap_with_custom_io(context, stream);
        check_tracks(&input, limits)?;
        find_stream_info(context, limits).map_err(|error| unreadable(container, error))?;
        check_tracks(&input, limits)?;
        Ok(input)
    }
}

fn unreadable(container: Container, error: libav::Error) -> VideoError {
    match error {
        libav::Error::Other {
            errno: libav::error::ENOMEM,
        } => VideoError::Memory,
        libav::Error::Other { errno } if ![libav::error::EAGAIN, libav::error::EINVAL].contains(&errno) => {
            VideoError::Read(io::Error::from_raw_os_error(errno))
        }
        libav::Error::Eof => VideoError::Damaged {
            container,
            detail: "it ends before its tracks are described".to_owned(),
        },
        error => VideoError::Damaged {
            container,
            detail: error.to_string().to_lowercase(),
        },
    }
}

/// Checks what the container says about its tracks, before anything is decoded.
fn check_tracks(input: &Input, limits: &VideoLimits) -> Result<(), VideoError> {
    if input.nb_streams() > limits.tracks_max {
        return Err(VideoError::TooManyTracks {
            tracks_max: limits.tracks_max,
        });
    }
    for stream in input.streams() {
        let (width, height) = track_size(&stream);
        check_size(width, height, limits)?;
    }
    Ok(())
}

/// Width and height in pixels that a track says it has; 0 where it says nothing.
#[expect(unsafe_code, reason = "the safe interface has no accessor for it")]
fn track_size(stream: &libav::Stream<'_>) -> (u32, u32) {
    // SAFETY: a stream of an open context has parameters for as long as the context lives, which the borrow ensures.
    let (width, height) = unsafe {
        let parameters = (*stream.as_ptr()).codecpar;
        ((*parameters).width, (*parameters).height)
    };
    (
        u32::try_from(width).unwrap_or(0),
        u32::try_from(height).unwrap_or(0),
    )
}

/// Checks the size of a frame.
pub(super) fn check_size(width: u32, height: u32, limits: &VideoLimits) -> Result<(), VideoError> {
    let &VideoLimits {
        side_pixels_max,
        frame_pixels_max,
        ..
    } = limits;
    if width.max(height) > side_pixels_max || u64::from(width) * u64::from(height) > frame_pixels_max.into() {
        return Err(VideoError::FrameTooLarge {
            width,
            height,
            side_pixels_max,
            frame_pixels_max,
        });
    }
    Ok(())
}

/// `avformat_find_stream_info`, whose decoders obey the limits.
///
/// # Safety
/// `context` is an open input context.
#[expect(unsafe_code, reason = "the safe interface does not pass options on")]
unsafe fn find_stream_info(
    context: *mut ffi::AVFormatContext,
    limits: &VideoLimits,
) -> Result<(), libav::Error> {
    let pixels_max = limits.frame_pixels_max.to_string();
    // SAFETY: the context is open. The function reads one dictionary a stream that exists when it is called, and writes
    // what it did not use back; each of them is owned here before and after.
    unsafe {
        let count = (*context).nb_streams;
        let mut options: Vec<*mut ffi::AVDictionary> = (0..count)
            .map(|_| Dictionary::from_iter([("max_pixels", pixels_max.as_str()), ("threads", "1")]).disown())
            .collect();
        let code = ffi::avformat_find_stream_info(context, options.as_mut_ptr());
        for dictionary in options {
            drop(Dictionary::own(dictionary));
        }
        if code < 0 { Err(code.into()) } else { Ok(()) }
    }
}

/// The callback by which a format context opens further files.
#[expect(unsafe_code, reason = "libav calls it")]
unsafe extern "C" fn refuse(
    _context: *mut ffi::AVFormatContext,
    _io: *mut *mut ffi::AVIOContext,
    _url: *const c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(libav::error::EACCES)
}

/// A result that is being written. Where the descriptor can be read too, an index that belongs to the front is moved
/// there.
pub(super) struct Writer {
    // Before `reread`, which the context points to: fields are dropped in this order.
    output: Output,
    reread: Option<StreamIo>,
}

impl Writer {
    /// Begins a result. Nothing is written yet.
    ///
    /// # Errors
    /// [`VideoError::Write`], or no memory.
    #[expect(
        unsafe_code,
        reason = "the safe interface cannot say how a file is opened again"
    )]
    pub(super) fn open(file: Arc<File>, container: Container) -> Result<Self, VideoError> {
        silence();
        let failed = |error| VideoError::internal("prepare the output", error);
        let reread = if is_readable(&file) {
            let again = Positioned::new(Arc::clone(&file));
            Some(StreamIo::from_read_seek_with_capacity(again, BUFFER_BYTES).map_err(failed)?)
        } else {
            None
        };
        let stream =
            StreamIo::from_write_seek_with_capacity(Positioned::new(file), BUFFER_BYTES).map_err(failed)?;
        let output =
            libav::format::output_to_stream(stream, None, Some(container.muxer())).map_err(failed)?;
        let mut writer = Self { output, reread };
        // SAFETY: the context is open and nothing has been written. `opaque` is a field that libav leaves to its user; the
        // I/O context that it points to is on the heap, and is freed after the format context.
        unsafe {
            let context = writer.output.as_mut_ptr();
            (*context).flags |= ffi::AVFMT_FLAG_BITEXACT;
            (*context).io_open = Some(refuse);
            if container == Container::Mov {
                // The strict muxer chooses names of codecs by itself.
                (*context).strict_std_compliance = ffi::FF_COMPLIANCE_UNOFFICIAL;
            }
            if let Some(reread) = &mut writer.reread {
                (*context).opaque = reread.as_mut_ptr().cast::<c_void>();
                (*context).io_open = Some(open_again);
                (*context).io_close2 = Some(close_again);
            }
        }
        Ok(writer)
    }

    /// The muxer.
    pub(super) const fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Whether what was written can be read again.
    pub(super) const fn can_reread(&self) -> bool {
        self.reread.is_some()
    }
}

fn is_readable(file: &File) -> bool {
    rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR))
}

/// The callback by which a muxer opens its own output for reading, to move what lies there.
#[expect(unsafe_code, reason = "libav calls it")]
unsafe extern "C" fn open_again(
    context: *mut ffi::AVFormatContext,
    io: *mut *mut ffi::AVIOContext,
    _url: *const c_char,
    flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    if flags != ffi::AVIO_FLAG_READ {
        return ffi::AVERROR(libav::error::EACCES);
    }
    // SAFETY: `opaque` is what `Writer::open` put there, and libav passes a valid place for the result.
    unsafe {
        *io = (*context).opaque.cast::<ffi::AVIOContext>();
    }
    0
}

/// Closes what [`open_again`] has opened: that belongs to the [`Writer`], which drops it.
#[expect(unsafe_code, reason = "libav calls it")]
unsafe extern "C" fn close_again(_context: *mut ffi::AVFormatContext, _io: *mut ffi::AVIOContext) -> c_int {
    0
}

/// A name that libav knows.
pub(super) fn c_string(name: &str) -> CString {
    CString::new(name).unwrap_or_else(|_| CStr::to_owned(c""))
}

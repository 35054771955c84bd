//! libwebp: pixels in, one picture out, and the other way round.
#![expect(
    unsafe_code,
    reason = "libwebp is a C library; no wrapper of it is both kept up to date and complete"
)]

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::slice;

use libwebp_sys as sys;

use crate::error::PictureError;
use crate::raster::{Channels, Raster, Samples, allocate, reserve};

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// `VP8 `.
    Lossy,
    /// `VP8L`.
    Lossless,
}

/// What the decoder says of a picture before it decodes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features {
    pub(super) width: u32,
    pub(super) height: u32,
    has_alpha: bool,
}

/// The quality of lossy pictures, 0 to 100. Another generation at 90 costs as much again as a good original had lost.
const LOSSY_QUALITY: f32 = 90.0;

/// The effort for lossy pictures, 0 to 6.
const LOSSY_METHOD: c_int = 1;

/// The effort for lossless pictures: method 0 to 6, and quality 0 to 100.
const LOSSLESS_METHOD: c_int = 0;
const LOSSLESS_QUALITY: f32 = 20.0;

/// What the file says.
pub(super) fn features(file: &[u8]) -> Result<Features, PictureError> {
    let mut features = MaybeUninit::<sys::WebPBitstreamFeatures>::zeroed();
    // SAFETY: the pointer and the size are those of a slice; the function writes nothing but the features, which are plain
    // numbers, so that zeros are valid as well.
    let features = unsafe {
        check(sys::WebPGetFeatures(
            file.as_ptr(),
            file.len(),
            features.as_mut_ptr(),
        ))?;
        features.assume_init()
    };
    let side = |side: c_int| u32::try_from(side).unwrap_or(0);
    Ok(Features {
        width: side(features.width),
        height: side(features.height),
        has_alpha: features.has_alpha != 0,
    })
}

/// Decodes a picture that is not animated.
pub(super) fn decode(file: &[u8], features: Features) -> Result<Raster, PictureError> {
    let Features {
        width,
        height,
        has_alpha,
    } = features;
    let (channels, mode) = if has_alpha {
        (Channels::Rgba, sys::WEBP_CSP_MODE::MODE_RGBA)
    } else {
        (Channels::Rgb, sys::WEBP_CSP_MODE::MODE_RGB)
    };
    let stride = width as usize * channels.count();
    let mut samples = allocate::<u8>(stride * height as usize)?;
    let mut config = sys::WebPDecoderConfig::new()
        .map_err(|()| PictureError::internal("libwebp is of another version than its header"))?;
    config.output.colorspace = mode;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = sys::WebPRGBABuffer {
        rgba: samples.as_mut_ptr(),
        stride: c_int::try_from(stride).map_err(|_| PictureError::Memory)?,
        size: samples.len(),
    };
    // SAFETY: the file is a slice, and the samples are a buffer with the size and the stride that are said; the decoder
    // checks both against the picture before it writes. As the memory is not the decoder's, nothing has to be freed.
    let status = unsafe { sys::WebPDecode(file.as_ptr(), file.len(), &raw mut config) };
    if status == sys::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY {
        // The decoder says so too where it cannot make sense of alpha. Then there is the memory that it could need.
        reserve::<u8>(stride.saturating_mul(height as usize).saturating_mul(4))?;
        return Err(PictureError::damaged("a part of its data makes no sense"));
    }
    check(status)?;
    Ok(Raster {
        width,
        height,
        channels,
        samples: Samples::Eight(samples),
    })
}

fn check(status: sys::VP8StatusCode) -> Result<(), PictureError> {
    use sys::VP8StatusCode as Status;
    match status {
        Status::VP8_STATUS_OK => Ok(()),
        Status::VP8_STATUS_OUT_OF_MEMORY => Err(PictureError::Memory),
        Status::VP8_STATUS_SUSPENDED | Status::VP8_STATUS_NOT_ENOUGH_DATA => Err(PictureError::Truncated),
        Status::VP8_STATUS_UNSUPPORTED_FEATURE => Err(PictureError::damaged(
            "it uses what the WebP format does not have",
        )),
        _ => Err(PictureError::damaged("a part of its data makes no sense")),
    }
}

/// A picture that the encoder reads, freed at the end.
struct Picture(sys::WebPPicture);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: the picture was initialised, and is not used after this.
        unsafe { sys::WebPPictureFree(&raw mut self.0) };
    }
}

/// Encodes RGB or RGBA to a file of its own.
pub(super) fn encode(
    samples: &[u8],
    (width, height): (u32, u32),
    channels: Channels,
    coding: Coding,
) -> Result<Vec<u8>, PictureError> {
    let fault = || PictureError::internal("libwebp refuses its settings");
    let mut config = sys::WebPConfig::new().map_err(|()| fault())?;
    match coding {
        Coding::Lossy => {
            config.quality = LOSSY_QUALITY;
            config.method = LOSSY_METHOD;
        }
        Coding::Lossless => {
            config.lossless = 1;
            config.exact = 1;
            config.quality = LOSSLESS_QUALITY;
            config.method = LOSSLESS_METHOD;
        }
    }
    let stride = width as usize * channels.count();
    if samples.len() != stride * height as usize {
        return Err(PictureError::internal(
            "a picture has not as many samples as its size says",
        ));
    }
    let number = |side: usize| c_int::try_from(side).map_err(|_| PictureError::Memory);
    let mut file: Vec<u8> = vec![];
    let mut picture = Picture(sys::WebPPicture::new().map_err(|()| fault())?);
    picture.0.width = number(width as usize)?;
    picture.0.height = number(height as usize)?;
    picture.0.use_argb = config.lossless;
    picture.0.writer = Some(append);
    picture.0.custom_ptr = (&raw mut file).cast::<c_void>();
    // SAFETY: the samples are as many as width, height and stride say, as checked above. `append` gets the pointer to
    // `file`, which outlives the encoding and is not touched while it lasts.
    let is_encoded = unsafe {
        let import = match channels {
            Channels::Rgb => sys::WebPPictureImportRGB,
            Channels::Rgba => sys::WebPPictureImportRGBA,
            Channels::Gray | Channels::GrayAlpha => return Err(fault()),
        };
        import(&raw mut picture.0, samples.as_ptr(), number(stride)?) != 0
            && sys::WebPEncode(&raw const config, &raw mut picture.0) != 0
    };
    use sys::WebPEncodingError as Code;
    match picture.0.error_code {
        _ if is_encoded => Ok(file),
        Code::VP8_ENC_ERROR_OUT_OF_MEMORY
        | Code::VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY
        | Code::VP8_ENC_ERROR_BAD_WRITE => Err(PictureError::Memory),
        code => Err(PictureError::internal(format!(
            "libwebp does not encode: {code:?}"
        ))),
    }
}

/// Called by the encoder with each part of the file.
unsafe extern "C" fn append(data: *const u8, size: usize, picture: *const sys::WebPPicture) -> c_int {
    if size == 0 {
        return 1;
    }
    // SAFETY: the encoder passes the picture whose `custom_ptr` `encode` has set to a vector that nobody else uses while it
    // encodes, and data of the size it says.
    let (file, data) = unsafe {
        let file = (*picture).custom_ptr.cast::<Vec<u8>>();
        (&mut *file, slice::from_raw_parts(data, size))
    };
    // A panic must not cross into C.
    if file.try_reserve(size).is_err() {
        return 0;
    }
    file.extend_from_slice(data);
    1
}

/// Decodes the frames of an animation as they are displayed.
pub(super) struct AnimationDecoder<'a> {
    decoder: NonNull<sys::WebPAnimDecoder>,
    canvas: Raster,
    /// The decoder keeps reading the file.
    file: PhantomData<&'a [u8]>,
}

impl<'a> AnimationDecoder<'a> {
    /// `size` and `frames` are what the container says, held against the limits; the decoder has to agree.
    pub(super) fn new(file: &'a [u8], size: (u32, u32), frames: u32) -> Result<Self, PictureError> {
        let (width, height) = size;
        let samples = allocate(width as usize * height as usize * Channels::Rgba.count())?;
        let data = sys::WebPData {
            bytes: file.as_ptr(),
            size: file.len(),
        };
        let options = sys::WebPAnimDecoderOptions {
            color_mode: sys::WEBP_CSP_MODE::MODE_RGBA,
            use_threads: 0,
            padding: [0; 7],
        };
        // SAFETY: data and options are valid while the call lasts; the file, which the decoder goes on to read, lives as
        // long as `Self`.
        let decoder = unsafe { sys::WebPAnimDecoderNew(&raw const data, &raw const options) };
        let decoder =
            NonNull::new(decoder).ok_or_else(|| PictureError::damaged("its frames make no sense"))?;
        let decoder = Self {
            decoder,
            canvas: Raster {
                width,
                height,
                channels: Channels::Rgba,
                samples: Samples::Eight(samples),
            },
            file: PhantomData,
        };
        let mut info = MaybeUninit::<sys::WebPAnimInfo>::zeroed();
        // SAFETY: the decoder was made above; the information consists of numbers, so that zeros are valid as well.
        let info = unsafe {
            sys::WebPAnimDecoderGetInfo(decoder.decoder.as_ptr(), info.as_mut_ptr());
            info.assume_init()
        };
        if (info.canvas_width, info.canvas_height) != size || info.frame_count != frames {
            return Err(PictureError::damaged(
                "its frames are not those that its header says",
            ));
        }
        Ok(decoder)
    }

    /// The next frame, drawn onto those before.
    pub(super) fn decode_next(&mut self) -> Result<&Raster, PictureError> {
        let mut pixels: *mut u8 = ptr::null_mut();
        let mut milliseconds: c_int = 0;
        // SAFETY: the decoder was made in `new` and is alive; it writes the two values.
        let is_decoded = unsafe {
            sys::WebPAnimDecoderGetNext(self.decoder.as_ptr(), &raw mut pixels, &raw mut milliseconds) != 0
        };
        if !is_decoded || pixels.is_null() {
            return Err(PictureError::damaged("a frame makes no sense"));
        }
        if let Samples::Eight(samples) = &mut self.canvas.samples {
            // SAFETY: the decoder's canvas has four bytes a pixel and, as checked in `new`, the size of ours. It stays as it
            // is until the next call.
            let canvas = unsafe { slice::from_raw_parts(pixels, samples.len()) };
            samples.copy_from_slice(canvas);
        }
        Ok(&self.canvas)
    }
}

impl Drop for AnimationDecoder<'_> {
    fn drop(&mut self) {
        // SAFETY: the decoder was made in `new`, is deleted once, and is not used after this.
        unsafe { sys::WebPAnimDecoderDelete(self.decoder.as_ptr()) };
    }
}

//! The assets.

use std::path::PathBuf;

/// The folder with models, ONNX Runtime and pictures.
pub(crate) fn assets() -> PathBuf {
    if let Some(dir) = std::env::var_os("SFUMATO_ASSETS_DIR") {
        return dir.into();
    }
    let crate_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = crate_dir
        .ancestors()
        .map(|dir| dir.join("assets"))
        .find(|dir| dir.is_dir());
    found.expect("no assets folder; run cargo xtask setup")
}

/// A picture as RGB.
pub(crate) struct Rgb {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) samples: Vec<u8>,
}

/// The portrait of an astronaut, 512 by 512 pixels, one face.
pub(crate) fn astronaut() -> Rgb {
    let path = assets().join("pictures/astronaut.png");
    let file = std::fs::File::open(&path);
    let file = file.unwrap_or_else(|error| panic!("{}: {error}; run cargo xtask setup", path.display()));
    let reader = png::Decoder::new(std::io::BufReader::new(file)).read_info();
    let mut reader = reader.expect("a PNG file");
    let mut samples = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut samples).expect("a whole picture");
    assert_eq!(info.color_type, png::ColorType::Rgb);
    Rgb {
        width: info.width,
        height: info.height,
        samples,
    }
}

//! Segmentation on drawn pages.

// Result files: HDF5 made in memory, sealed with a trailer, published in one step; checked before HDF5 sees a byte.
//
// A published file is never changed. Layout on disk: the HDF5 image, then 32 bytes: magic (8 bytes), the image's length
// (8, little-endian), XXH3-128 of the image (16, canonical big-endian). h5py, h5dump and netCDF ignore what follows the
// image; we do not, because HDF5 1.10 reads damaged files without complaint or crashes on them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

namespace hdf5 {
class Group;
}

/// The HDF5 image of `file` in the schema of results/README.md. Throws Error when series or arrays that belong together
/// differ in length, or when an id cannot be a name in HDF5.
[[nodiscard]] std::vector<std::byte> to_image(const ResultFile& file);
/// `no`: without steps, evaluations, orders and parameters, which are most of a file.
enum class ReadSeries { yes, no };
/// The inverse. Throws InputError when the image is not one of ours or of an unknown schema version. `name` is for
/// messages.
[[nodiscard]] ResultFile from_image(std::span<const std::byte> image, const std::filesystem::path& name,
                                    ReadSeries series = ReadSeries::yes);

/// What to_image and from_image do, to and from the root of a file that holds more besides
/// (experiments/run/checkpoint). read_result throws Error for what HDF5 and the schema do not allow.
void write_result(hdf5::Group& root, const ResultFile& file);
[[nodiscard]] ResultFile read_result(const hdf5::Group& root, const std::filesystem::path& name,
                                     ReadSeries series = ReadSeries::yes);

/// Where a file called `path` really is or will be: links are followed, also one that leads to nothing yet. Throws
/// OutputError where there is something else than an ordinary file (a folder, a device, a pipe), and where the folder
/// is missing or cannot be written to. To be asked before the work, not after it; what follows then takes the place.
[[nodiscard]] std::filesystem::path output_place(const std::filesystem::path& path);

enum class IfExists { refuse, replace };

/// Writes image and trailer under a temporary name beside `path`, fsyncs, renames, fsyncs the folder. With `refuse`, an
/// existing `path` is left alone. Takes a name as it is: a link would be replaced, see output_place. Throws OutputError
/// naming the path and the reason; then nothing is left behind, unless it is the last fsync that failed, which the
/// message says.
void publish(std::span<const std::byte> image, const std::filesystem::path& path, IfExists if_exists);

/// Makes new and removed names in `folder` survive a power cut. Throws OutputError.
void sync_folder(const std::filesystem::path& folder);

/// Removes what publishing `path` (or anything in `folder`) left behind when the program was killed. Only while nobody
/// else publishes there.
void remove_temporaries(const std::filesystem::path& path);
void remove_all_temporaries(const std::filesystem::path& folder);

/// Reads a published file whole and checks its trailer; returns the image. Throws InputError: missing, empty, not HDF5,
/// not a stepbench file, truncated, damaged.
[[nodiscard]] std::vector<std::byte> read_published(const std::filesystem::path& path);

/// read_published, then from_image.
[[nodiscard]] ResultFile read_result_file(const std::filesystem::path& path, ReadSeries series = ReadSeries::yes);

}  // namespace stepbench

// Virtual data sets: views of other data sets, most of them in files of their own. What of a view has no source that is
// there reads as its fill value.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include "core/hdf5/never_written.hpp"

namespace stepbench::hdf5 {
namespace {

namespace fs = std::filesystem;

using Extents = std::vector<hsize_t>;

Extents extents_of(const Dataset& data) {
  const Shape shape = data.shape();
  return {shape.begin(), shape.end()};
}

hsize_t selected(const Handle& space) { return static_cast<hsize_t>(H5Sget_select_npoints(space.id())); }

/// Where HDF5 looks for a source's file, in its order (reference manual, H5Pset_virtual and H5Pset_virtual_prefix).
std::vector<fs::path> places_of(fs::path name, const Dataset& view) {
  std::vector<fs::path> places;
  const auto add = [&places](const fs::path& place) {
    const fs::path normal = place.lexically_normal();
    if (std::find(places.begin(), places.end(), normal) == places.end()) places.push_back(normal);
  };
  if (name.is_absolute()) {
    add(name);
    name = name.filename();
  }
  const char* prefixes = std::getenv("HDF5_VDS_PREFIX");
  for (std::string_view rest = prefixes == nullptr ? "" : prefixes; !rest.empty();) {
    const std::string_view prefix = rest.substr(0, rest.find(':'));
    if (!prefix.empty()) add(prefix / name);
    rest.remove_prefix(std::min(prefix.size() + 1, rest.size()));
  }
  const fs::path folder = folder_of(view);
  add(folder / name);
  add(name);
  std::error_code ignored;
  add(fs::weakly_canonical(folder, ignored) / name);
  return places;
}

/// The first of these files that opens, which is the one that HDF5 takes.
File open_source(const std::string& name, const Dataset& view) {
  std::string reason, looked_at;
  for (const fs::path& place : places_of(name, view)) {
    std::error_code ignored;
    if (!fs::exists(place, ignored)) {
      looked_at += (looked_at.empty() ? "" : ", ") + place.string();
      continue;
    }
    try {
      return File::open(place);
    } catch (const Error& error) {
      if (reason.empty()) reason = error.what();
    }
  }
  throw Error(reason.empty() ? name + " is not there; looked at " + looked_at : reason);
}

/// The source in the file `file_name`, where "." is the view's own.
Dataset source_of(const Dataset& view, const std::string& file_name, std::string name) {
  name.erase(0, name.find_first_not_of('/'));
  if (file_name != ".") return open_source(file_name, view).root().dataset(name);  // keeps its file open
  const hid_t opened = H5Dopen2(view.id(), ("/" + name).c_str(), H5P_DEFAULT);
  if (opened < 0) throw Error("there is no data set " + name + " in its own file");
  return {Handle(opened, H5Dclose), view.name().substr(0, view.name().find(":/")) + ":/" + name};
}

/// The part of a data set that a mapping of a view is about.
struct Part {
  Handle space;
  bool unlimited = false;
  hsize_t blocks = 1;  // along the dimension without limit
};

/// All of a data set, as a selection that can be combined with others.
Handle whole(const Extents& extents, const std::string& what) {
  Handle space = checked(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, what);
  const Extents zeros(extents.size(), 0), ones(extents.size(), 1);
  if (std::find(extents.begin(), extents.end(), 0) != extents.end()) {
    check(H5Sselect_none(space.id()), what);
  } else {
    check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, zeros.data(), nullptr, ones.data(), extents.data()), what);
  }
  return space;
}

/// `mapped`, a selection of a mapping, within a data set of these extents: what lies beyond them is left out, and what
/// has no limit ends there.
Part part_within(const Handle& mapped, const Extents& extents, const std::string& what) {
  Part part{whole(extents, what)};
  if (H5Sget_select_type(mapped.id()) == H5S_SEL_ALL || selected(part.space) == 0) return part;
  if (H5Sget_simple_extent_ndims(mapped.id()) != static_cast<int>(extents.size())) {
    throw Error(what + ": a source has another number of dimensions than its view says");
  }
  const std::size_t rank = extents.size();
  Extents start(rank), stride(rank), count(rank), block(rank);
  Handle selection = checked(H5Scopy(mapped.id()), H5Sclose, what);
  if (H5Sis_regular_hyperslab(mapped.id()) > 0) {
    check(H5Sget_regular_hyperslab(mapped.id(), start.data(), stride.data(), count.data(), block.data()), what);
    for (std::size_t d = 0; d < rank; ++d) {
      const hsize_t room = extents[d] > start[d] ? extents[d] - start[d] : 0;
      part.unlimited |= count[d] == H5S_UNLIMITED || block[d] == H5S_UNLIMITED;
      if (count[d] == H5S_UNLIMITED) part.blocks = count[d] = (room + stride[d] - 1) / stride[d];
      if (block[d] == H5S_UNLIMITED) block[d] = room;
    }
    const auto empty = [](const Extents& sizes) { return std::find(sizes.begin(), sizes.end(), 0) != sizes.end(); };
    if (empty(count) || empty(block)) {
      check(H5Sselect_none(part.space.id()), what);
      return part;
    }
    check(H5Sselect_hyperslab(selection.id(), H5S_SELECT_SET, start.data(), stride.data(), count.data(), block.data()),
          what);
  }
  part.space = checked(H5Scombine_select(part.space.id(), H5S_SELECT_AND, selection.id()), H5Sclose, what);
  return part;
}

template <typename Get>
std::string mapped_name(Get get, const Handle& properties, std::size_t mapping, const std::string& what) {
  const ssize_t length = get(properties.id(), mapping, nullptr, 0);
  if (length < 0) fail(what);
  std::string name(static_cast<std::size_t>(length), '\0');
  if (get(properties.id(), mapping, name.data(), name.size() + 1) < 0) fail(what);
  return name;
}

/// In the names of sources `%b` stands for the number of the block, `%%` for a percent sign.
std::string with_block(std::string_view name, hsize_t block) {
  std::string result;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char next = i + 1 < name.size() ? name[i + 1] : '\0';
    if (name[i] != '%' || (next != 'b' && next != '%')) {
      result += name[i];
      continue;
    }
    result += next == 'b' ? std::to_string(block) : "%";
    ++i;
  }
  return result;
}

/// Goes through the mappings of a view; each source is looked at once.
class ViewSearch {
 public:
  ViewSearch(const Dataset& view, const Handle& properties, std::vector<std::string> views)
      : view_(view),
        properties_(properties),
        views_(std::move(views)),
        what_("cannot read the sources of " + view.name()) {
    const bool seen = std::find(views_.begin(), views_.end(), view.name()) != views_.end();
    if (seen) throw Error(view.name() + ": is a view of itself");
    views_.push_back(view.name());
  }

  Gaps gaps() {
    std::size_t mappings = 0;
    check(H5Pget_virtual_count(properties_.id(), &mappings), what_);
    const Extents extents = extents_of(view_);
    std::optional<Handle> covered;
    for (std::size_t i = 0; i < mappings; ++i) {
      const Handle mapped = checked(H5Pget_virtual_vspace(properties_.id(), i), H5Sclose, what_);
      Part part = part_within(mapped, extents, what_);
      require_sources(i, part);
      if (selected(part.space) == 0) continue;
      covered = covered ? checked(H5Scombine_select(covered->id(), H5S_SELECT_OR, part.space.id()), H5Sclose, what_)
                        : std::move(part.space);
    }
    const hsize_t all = selected(whole(extents, what_)), found = covered ? selected(*covered) : 0;
    if (found == 0 && all > 0) throw Error(view_.name() + ": nothing of it was ever written");
    if (sources_with_gaps_ > 1)
      gaps_.front() += "; so of " + std::to_string(sources_with_gaps_ - 1) + " other sources of " + view_.name();
    if (found < all) gaps_.push_back(view_.name() + ": " + gap_text(all - found, all, "values"));
    return std::move(gaps_);
  }

 private:
  /// Throws Error when a source of the mapping is not there, or has not what the view shows of it.
  void require_sources(std::size_t mapping, const Part& shown) {
    const std::string file = mapped_name(H5Pget_virtual_filename, properties_, mapping, what_);
    const std::string name = mapped_name(H5Pget_virtual_dsetname, properties_, mapping, what_);
    const bool many = with_block(file + name, 0) != with_block(file + name, 1);
    for (hsize_t block = 0; block < (many ? shown.blocks : 1); ++block) {
      const Extents& extents = source_extents(with_block(file, block), with_block(name, block));
      if (many) continue;
      const Handle mapped = checked(H5Pget_virtual_srcspace(properties_.id(), mapping), H5Sclose, what_);
      const hsize_t there = selected(part_within(mapped, extents, what_).space), wanted = selected(shown.space);
      if (there < wanted || (there > wanted && !shown.unlimited)) {
        throw Error(view_.name() + ": is a view of " + std::to_string(wanted) + " values of " + file + ":/" + name +
                    ", which has " + std::to_string(there));
      }
    }
  }

  const Extents& source_extents(const std::string& file, const std::string& name) {
    const auto [entry, is_new] = sources_.try_emplace({file, name});
    if (is_new) {
      try {
        const Dataset source = source_of(view_, file, name);
        if (const Gaps found = never_written(source, views_); !found.empty()) {
          if (gaps_.empty()) gaps_ = found;
          ++sources_with_gaps_;
        }
        entry->second = extents_of(source);
      } catch (const Error& error) {
        throw Error(view_.name() + ": is a view of another data set, but " + error.what());
      }
    }
    return entry->second;
  }

  const Dataset& view_;
  const Handle& properties_;
  std::vector<std::string> views_;  // this one is the last
  std::string what_;
  std::map<std::pair<std::string, std::string>, Extents> sources_;
  Gaps gaps_;  // of the first source that has any
  int sources_with_gaps_ = 0;
};

}  // namespace

Gaps gaps_of_view(const Dataset& view, const Handle& properties, std::vector<std::string> views) {
  return ViewSearch(view, properties, std::move(views)).gaps();
}

}  // namespace stepbench::hdf5

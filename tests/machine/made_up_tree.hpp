// A folder that looks like / to the probes, removed with the object.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <utility>

#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {

class MadeUpTree {
 public:
  /// Texts by path below the root.
  MadeUpTree(std::initializer_list<std::pair<std::string, std::string>> files) {
    for (const auto& [path, text] : files) {
      std::filesystem::create_directories((folder_ / path).parent_path());
      write_text_file(folder_ / path, text);
    }
  }
  [[nodiscard]] const std::filesystem::path& root() const { return folder_.path(); }

 private:
  TemporaryFolder folder_;
};

}  // namespace stepbench::testing

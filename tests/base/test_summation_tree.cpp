#include <catch2/catch.hpp>
#include <string>

#include "core/summation_tree.hpp"

namespace stepbench::testing {
namespace {

/// What is added to what, in words.
std::string tree_over(std::int64_t begin, std::int64_t end) {
  std::vector<std::string> slots(16);
  sum_in_tree(
      {begin, end}, [&](std::int64_t leaf, std::size_t slot) { slots[slot] = std::to_string(leaf); },
      [&](std::size_t slot) { slots[slot] = "(" + slots[slot] + "+" + slots[slot + 1] + ")"; });
  return slots[0];
}

}  // namespace

TEST_CASE("leaves are added in a binary tree whose left parts are full") {
  CHECK(tree_over(0, 1) == "0");
  CHECK(tree_over(0, 4) == "((0+1)+(2+3))");
  CHECK(tree_over(0, 5) == "(((0+1)+(2+3))+4)");
  CHECK(tree_over(0, 7) == "(((0+1)+(2+3))+((4+5)+6))");
}

TEST_CASE("a part of the leaves is made of nodes of the whole tree, and their sums are those of the tree") {
  CHECK(whole_nodes({0, 8}, 8) == std::vector<LeafRange>{{0, 8}});
  CHECK(whole_nodes({3, 6}, 8) == std::vector<LeafRange>{{3, 4}, {4, 6}});
  CHECK(whole_nodes({6, 7}, 7) == std::vector<LeafRange>{{6, 7}});
  CHECK(whole_nodes({4, 7}, 7) == std::vector<LeafRange>{{4, 7}});
  CHECK(whole_nodes({2, 2}, 7).empty());
  for (std::int64_t count = 1; count <= 20; ++count) {
    for (std::int64_t owners = 1; owners <= 9; ++owners) {
      std::int64_t next = 0;
      const std::string whole = tree_over(0, count);
      for (std::int64_t owner = 0; owner < owners; ++owner) {
        for (const LeafRange node : whole_nodes({count * owner / owners, count * (owner + 1) / owners}, count)) {
          CHECK(node.begin == next);
          CHECK(whole.find(tree_over(node.begin, node.end)) != std::string::npos);
          next = node.end;
        }
      }
      CHECK(next == count);
    }
  }
}

TEST_CASE("a leaf has rows enough for a product, and no more than it sums at once") {
  CHECK(leaf_samples(512, 1) == 64);
  CHECK(leaf_samples(6400, 1) == 100);
  CHECK(leaf_samples(7, 1) == 64);
  CHECK(leaf_samples(16, 20) == 4);
  CHECK(leaf_samples(100000, 1) == 256);
  CHECK(leaf_samples(64, 128) == 1);
  CHECK(leaf_samples(64, 1024) == 1);
}

}  // namespace stepbench::testing

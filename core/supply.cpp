#include "core/supply.hpp"

#include <sys/mman.h>

#include <cstring>
#include <string>

namespace stepbench {
namespace {

class Attributes {
 public:
  Attributes() { pthread_attr_init(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { pthread_attr_destroy(&attributes_); }
  [[nodiscard]] pthread_attr_t* get() { return &attributes_; }

 private:
  pthread_attr_t attributes_{};
};

std::size_t usual_stack_bytes() {
  std::size_t bytes = 0;
  pthread_attr_getstacksize(Attributes().get(), &bytes);
  return bytes;
}

}  // namespace

ThreadTeam::ThreadTeam(int count, std::function<void(int)> work) : work_(std::move(work)) {
  constexpr std::size_t kStackBytes = std::size_t{256} << 10U;
  Attributes attributes;
  pthread_attr_setstacksize(attributes.get(), kStackBytes);
  members_.resize(static_cast<std::size_t>(count));
  int started = 0, error = 0;
  for (; started < count && error == 0; ++started) {
    Member& member = members_[static_cast<std::size_t>(started)];
    member = {this, started, {}};
    error = pthread_create(&member.thread, attributes.get(), run, &member);
  }
  begins_ = error == 0;
  decided_.count_down();
  if (error == 0) return;
  --started;  // the last one was not
  for (int t = 0; t < started; ++t) pthread_join(members_[static_cast<std::size_t>(t)].thread, nullptr);
  throw SupplyError(std::to_string(count) + " more threads are needed, " + std::to_string(started) + " can be had (" +
                    std::strerror(error) + "): see `ulimit -u` and the container's limits");
}

ThreadTeam::~ThreadTeam() {
  for (const Member& member : members_) pthread_join(member.thread, nullptr);
}

void* ThreadTeam::run(void* member) {
  const auto& [team, number, thread] = *static_cast<const Member*>(member);
  team->decided_.wait();
  if (team->begins_) team->work_(number);
  return nullptr;
}

void require_threads(int count) {
  require_blocks(count, usual_stack_bytes(), "stacks of threads");
  const ThreadTeam team(count, [](int) {});
}

void require_blocks(int count, std::size_t bytes, const char* whose) {
  std::vector<void*> blocks;
  blocks.reserve(static_cast<std::size_t>(count));
  while (std::ssize(blocks) < count) {
    void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) break;
    blocks.push_back(block);
  }
  for (void* block : blocks) munmap(block, bytes);
  if (std::ssize(blocks) == count) return;
  const auto megabytes = [bytes](std::size_t number) { return std::to_string(number * bytes >> 20U) + " MB"; };
  throw SupplyError(megabytes(static_cast<std::size_t>(count)) + " more are needed for " + whose + ", " +
                    megabytes(blocks.size()) + " can be had: see `ulimit -v`");
}

}  // namespace stepbench

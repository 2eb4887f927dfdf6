// A program started beside the test, with its output read back.
#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/catch.hpp"

namespace bragglive::test {

class Child {
 public:
  explicit Child(const std::string& command) : pipe_(::popen((command + " 2>&1").c_str(), "r")) {
    REQUIRE(pipe_ != nullptr);
  }
  ~Child() { wait(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The exit code; output() is complete afterwards.
  int wait() {
    if (pipe_ == nullptr) return code_;
    for (int c = std::fgetc(pipe_); c != EOF; c = std::fgetc(pipe_)) output_ += static_cast<char>(c);
    const int status = ::pclose(pipe_);
    pipe_ = nullptr;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return code_;
  }
  const std::string& output() const { return output_; }

 private:
  FILE* pipe_;
  std::string output_;
  int code_ = -1;
};

}  // namespace bragglive::test

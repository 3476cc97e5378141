import Testing

@testable import KingletEvaluation

@Suite struct MemoryLimitsTests {
  @Test func theLeastLimitOfAllGroupsCounts() {
    let second = "0::/user/app\n"
    let files = [
      "/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/user/memory.max": "5000\n",
      "/sys/fs/cgroup/user/app/memory.max": "7000\n",
    ]
    #expect(MemoryLimits.groupLimit(groups: second) { files[$0] } == 5000)
    #expect(MemoryLimits.groupLimit(groups: "0::/\n") { files[$0] } == nil)
    let first = "5:devices:/\n4:cpu,memory:/docker/1a\n"
    #expect(
      MemoryLimits.groupLimit(groups: first) {
        $0 == "/sys/fs/cgroup/memory/docker/1a/memory.limit_in_bytes" ? "9" : nil
      }
        == 9)
    let none = "9223372036854771712\n"
    #expect(MemoryLimits.groupLimit(groups: first) { _ in none } == nil)
    #expect(MemoryLimits.groupLimit(groups: "nonsense\n:\n\n") { _ in "9" } == nil)
  }

  @Test func theChoiceIsInBrackets() {
    #expect(MemoryLimits.chosen("always [madvise] never\n") == "madvise")
    #expect(MemoryLimits.chosen("always never") == nil)
  }
}

import Foundation
import KingletErrors
import KingletGGUF
import Testing

@Suite("Paths of GGUF files")
struct GGUFPathTests {
  private func refusal(_ path: String) -> KingletError? {
    #expect(throws: KingletError.self) { try GGUFFile(path: path) }
  }

  @Test("A missing file", arguments: ["/nowhere/model.gguf", "", "/dev/null/model.gguf"])
  func missing(path: String) {
    let error = refusal(path)
    #expect(error?.code == .fileNotFound)
    #expect(error?.remedy != nil)
  }

  @Test("A folder")
  func folder() {
    let error = refusal(NSTemporaryDirectory())
    #expect(error?.code == .fileNotFound)
    #expect(error?.message == "this is a folder")
    #expect(error?.remedy != nil)
  }

  @Test("An empty file")
  func empty() throws {
    let path = temporaryPath("empty")
    defer { remove(path) }
    try Data().write(to: URL(fileURLWithPath: path))
    let error = refusal(path)
    #expect(error?.code == .fileCorrupt)
    #expect(error?.message == "the file is empty")
  }

  @Test("A device or named pipe, which must not be waited for")
  func special() {
    #expect(refusal("/dev/null")?.code == .fileUnreadable)
    let path = temporaryPath("pipe")
    defer { remove(path) }
    #expect(mkfifo(path, 0o600) == 0)
    #expect(refusal(path)?.code == .fileUnreadable)
  }

  @Test("A file that may not be read", .enabled(if: geteuid() != 0, "the superuser may read everything"))
  func forbidden() throws {
    let path = temporaryPath("forbidden")
    defer { remove(path) }
    try Data([0]).write(to: URL(fileURLWithPath: path))
    #expect(chmod(path, 0) == 0)
    let error = refusal(path)
    #expect(error?.code == .fileUnreadable)
    #expect(error?.message == "permission denied")
  }

  @Test("A path with a zero byte, which would name another file")
  func zeroByte() {
    #expect(refusal("/dev/null\0.gguf")?.code == .invalidArgument)
  }

  @Test("A cut file is said to be incomplete")
  func incomplete() throws {
    let path = temporaryPath("incomplete")
    defer { remove(path) }
    try Data(HandmadeFile.withTensor(byteCount: 10)).write(to: URL(fileURLWithPath: path))
    let error = refusal(path)
    #expect(error?.location?.hasPrefix(path) == true)
    #expect(error?.remedy?.contains("incomplete") == true)
  }
}

/// A path for a file of this test run.
func temporaryPath(_ name: String) -> String {
  NSTemporaryDirectory() + "/kinglet-\(getpid())-\(UUID().uuidString)-\(name).gguf"
}

func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }

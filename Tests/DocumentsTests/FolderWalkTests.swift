import Foundation
import KingletErrors
import KingletTestSupport
import Testing

@testable import KingletDocuments

struct FolderWalkTests {
  @Test(arguments: [
    ("*.md", "a/b.md", true), ("*.md", "b.mdx", false), ("/a.md", "a.md", true), ("/a.md", "x/a.md", false),
    ("a/**/z", "a/z", true), ("a/**/z", "a/b/c/z", true), ("a/*/z", "a/b/c/z", false), ("**/x/*", "x/y", true),
    ("[a-c]?.txt", "bx.txt", true), ("[!a-c]*.txt", "bx.txt", false), ("a*b*c", "aXbYc", true),
    ("a*b*c", "aXbY", false),
    ("docs/*", "docs/a", true), ("docs/*", "x/docs/a", false), ("[", "[", true), ("\\*", "*", true),
    ("\\*", "a", false),
  ])
  func patterns(_ pattern: String, _ path: String, _ matches: Bool) {
    #expect(GlobPattern(pattern).matches(path) == matches, "\(pattern) \(path)")
  }

  /// Would take ages if stars were tried in all combinations.
  @Test func hostilePatterns() {
    let pattern = String(repeating: "*a", count: 50) + "b"
    #expect(!GlobPattern(pattern).matches(String(repeating: "a", count: 5000)))
    let folders = String(repeating: "**/a/", count: 30) + "b"
    #expect(!GlobPattern(folders).matches(String(repeating: "a/", count: 200) + "c"))
  }

  @Test func walkLeavesOutWhatNobodyMeans() throws {
    let folder = try ScratchFolder()
    for name in [
      "a.md", "sub/b.md", "sub/c.txt", ".hidden", ".git/config", "node_modules/x.md", "build/out.md", "build/keep.md",
      "skip.log",
    ] { try folder.write(name, "x") }
    try folder.write(".gitignore", "# comment\n*.log\n/build/*\n!keep.md\n")
    func names(_ walk: FolderWalk) throws -> [String] {
      try walk.files(under: folder.path).map { String($0.dropFirst(folder.path.count + 1)) }
    }
    #expect(try names(.init()) == ["a.md", "build/keep.md", "sub/b.md", "sub/c.txt"])
    #expect(try names(.init(include: ["*.md"], exclude: ["sub/"])) == ["a.md", "build/keep.md"])
    #expect(try names(.init(honoursIgnoreFiles: false)).contains(".git/config"))
    try FileManager.default.createSymbolicLink(atPath: folder.path + "/loop", withDestinationPath: folder.path)
    #expect(try names(.init()).count == 4)
    #expect(throws: KingletError.self) { try FolderWalk().files(under: folder.path + "/none") }
  }
}

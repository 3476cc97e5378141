import Testing

@testable import KingletTokenizers

struct PreTokenizerTests {
  @Test(arguments: [
    ("Hello world", ["Hello", " world"]),
    ("a  b", ["a", " ", " b"]),
    ("a   ", ["a", "   "]),
    ("don't we'LL", ["don", "'t", " we", "'", "LL"]),
    ("x123 456", ["x", "123", " 456"]),
    ("é日本!?\n\n", ["é日本", "!?", "\n\n"]),
    ("\u{3000}\u{3000}x", ["\u{3000}", "\u{3000}", "x"]),
    (" ", [" "]),
  ])
  func `GPT-2 cuts`(text: String, words: [String]) { #expect(cut(text, "gpt-2") == words) }

  @Test(arguments: [
    ("x123 4", ["x", "1", "2", "3", " ", "4"]),
    ("a  1", ["a", "  ", "1"]),
    ("٣½Ⅷ", ["٣", "½", "Ⅷ"]),
  ])
  func `SmolLM2 cuts digits apart`(text: String, words: [String]) { #expect(cut(text, "smollm") == words) }

  @Test(arguments: [
    ("don't WE'LL", ["don", "'t", " WE", "'LL"]),
    ("12345 67", ["123", "45", " ", "67"]),
    (" (hello)\r\n", [" (", "hello", ")\r\n"]),
    ("a \n \n b", ["a", " \n \n", " b"]),
    ("\thi", ["\thi"]),
    ("'quoted'", ["'quoted", "'"]),
    ("a   b", ["a", "  ", " b"]),
  ])
  func `Llama 3 cuts`(text: String, words: [String]) { #expect(cut(text, "llama-bpe") == words) }

  @Test func `Qwen cuts every digit, and Qwen 3.5 keeps marks with letters`() {
    #expect(cut("a12", "qwen2") == ["a", "1", "2"])
    #expect(cut("हिन्दी", "qwen35") == ["हिन्दी"])
    #expect(cut("हिन्दी", "qwen2").count > 1)
  }

  @Test(arguments: [
    ("a1234 56", ["a", "123", "4", " 56"]), ("x<=`y`", ["x", "<=`", "y", "`"]), ("don't", ["don", "'", "t"]),
  ])
  func `Falcon cuts blocks of three digits`(text: String, words: [String]) { #expect(cut(text, "falcon") == words) }

  @Test(arguments: [
    ("a\n\nb", ["a", "\n", "\n", "b"]), (" one  two  ", [" one", " ", " two", "  "]), ("x12", ["x", "12"]),
    ("中文abc", ["中文", "abc"]), ("né!", ["n", "é", "!"]),
  ])
  func `DeepSeek cuts by lists of characters`(text: String, words: [String]) {
    #expect(cut(text, "deepseek-llm") == words)
  }

  @Test func `whitespace that may or may not end a text takes no long time`() {
    let spaces = String(repeating: " ", count: 300_000)
    #expect(cut(spaces + "a" + spaces, "deepseek-llm").joined().utf8.count == 600_001)
  }

  @Test func `text where no rule matches is cut from what is matched`() {
    let digits = PreTokenizer(stages: [[.run(of: .any(.number))]])
    #expect(cut("ab12cd3", digits) == ["ab", "12", "cd", "3"])
  }

  @Test(arguments: [
    "gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "falcon", "deepseek-llm", "deepseek-coder", "default", "dbrx",
  ])
  func `words make up the text`(name: String) {
    var random = SeededGenerator(seed: 4)
    for _ in 0..<500 {
      let text = random.text()
      let words = cut(text, name)
      #expect(Array(words.joined().utf8) == Array(text.utf8))
      #expect(!words.contains(""))
    }
  }

  @Test func `bytes that are not UTF-8 do no harm`() throws {
    let preTokenizer = try #require(PreTokenizer.named("llama-bpe"))
    let text: [UInt8] = [0x80, 0x61, 0xF8, 0xE2, 0x20, 0xED, 0xA0, 0x80, 0x0A, 0xF4]
    var covered: [Int] = []
    PreTokenizerRun(preTokenizer, text, 1..<text.count).forEachWord { covered += $0 }
    #expect(covered == Array(1..<text.count))
  }

  private func cut(_ text: String, _ name: String) -> [String] { PreTokenizer.named(name).map { cut(text, $0) } ?? [] }

  private func cut(_ text: String, _ preTokenizer: PreTokenizer) -> [String] {
    let text = Array(text.utf8)
    var words: [String] = []
    PreTokenizerRun(preTokenizer, text, 0..<text.count).forEachWord {
      words.append(String(decoding: text[$0], as: UTF8.self))
    }
    return words
  }
}

import KingletErrors
import KingletGGUF

/// The tokenizer of a Hugging Face folder as metadata of a GGUF file.
enum TokenizerConversion {
  static func metadata(
    folder: String, vocabularySize: Int, architecture: String
  ) throws(KingletError) -> [(key: String, value: GGUFValue)] {
    []
  }
}

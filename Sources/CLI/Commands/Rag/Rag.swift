import ArgumentParser

struct Rag: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Answer questions from your own documents, with sources.",
    discussion: """
      Examples:
        kinglet rag add library.sqlite docs/
        kinglet rag ask library.sqlite "How do I renew my licence?"
        kinglet rag search library.sqlite "renewal fee" --filter format=pdf
        kinglet rag refresh library.sqlite

      A store is one SQLite file. It remembers what was added and with which embedding model; without one named, that is \
      minilm. Each hit and each citation says where it stands: file, lines and bytes, page, row or JSON pointer.
      """,
    subcommands: [
      RagAdd.self, RagRefresh.self, RagSearch.self, RagAsk.self, RagChat.self, RagStatus.self, RagRemove.self,
      RagExport.self, RagEval.self,
    ])
}

"""The Ray that work runs on: joining or starting one, where work is placed, what is lost and what is done then."""
